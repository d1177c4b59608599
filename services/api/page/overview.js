import { chart } from './chart.js'
import { eventList, eventsOff } from './events.js'
import { KINDS, LOST, nowS, PROTOCOLS, rateIn, rateOf, requestsOf, sumOf } from './figures.js'
import { count, duration, rate } from './format.js'
import { html } from './html.js'
import { redisPanel } from './redis.js'
import { table } from './table.js'

/** @import { Actions, Rates, State } from './types.d.ts' */

/** What the tracker does now. @param {State} state @param {Actions} actions */
export function overview(state, actions) {
  const { rates, totals, instances } = state
  const silent = instances?.filter((each) => each.is_silent).length ?? 0
  const serving = (instances?.length ?? 0) - silent
  return html`
    <dl class="figures">
      ${figure('Requests a second', rates && rate(requestsOf(rates)))}
      ${figure('Torrents', totals && count(totals.torrents))}
      ${figure('Seeders', totals && count(totals.seeders))}
      ${figure('Leechers', totals && count(totals.leechers))}
      ${figure('Completed', totals && count(totals.completed))}
      ${figure('Processes', instances && count(serving), silent > 0 ? `${count(silent)} silent` : '')}
    </dl>
    <section class="panel" aria-labelledby="requests">
      <h2 id="requests" tabindex="-1">Requests a second</h2>
      ${chart(state, actions)}
    </section>
    <div class="columns">
      <section class="panel sums" aria-labelledby="rates">
        <h2 id="rates">By protocol</h2>
        ${rates ? ratesTable(rates) : html`<p class="empty">Reading …</p>`}
        ${rates && lostList(rates)}
      </section>
      <section class="panel" aria-labelledby="happened">
        <h2 id="happened">Last events</h2>
        ${lastEvents(state)}
        <p class="more"><a href="#/events">All events</a></p>
      </section>
    </div>
    <section class="panel" aria-labelledby="redis">
      <h2 id="redis">Redis</h2>
      ${redisPanel(state)}
    </section>
    ${
      totals &&
      html`<p class="small">${totals.is_whole ? '' : html`<strong>Without the swarms of a primary that is away.</strong> `}Torrents and peers are
      counted every 10 s, last ${duration(nowS(state) - totals.at)} ago.
      Rates are means of the last 5 s.</p>`
    }
  `
}

/** @param {State} state */
const lastEvents = (state) => (state.tracker?.has_events ? eventList(state, state.events ?? []) : eventsOff())

/** @param {string} name @param {string | undefined} value @param {string} [note] */
const figure = (name, value, note) =>
  html`<div key=${name}><dt>${name}</dt><dd>${value ?? '–'}${note && html` <span class="badge bad">${note}</span>`}</dd></div>`

/** @param {Rates} rates */
function ratesTable(rates) {
  const rows = [...PROTOCOLS, { name: 'All', prefix: '' }]
  return table({
    caption: 'Requests a second by protocol and kind',
    rows,
    keyOf: ({ name }) => name,
    empty: '',
    fit: 'dense',
    columns: [
      { name: 'Protocol', isHead: true, cell: ({ name }) => name },
      ...KINDS.map(({ name, counter }) => ({
        name,
        isNumber: true,
        /** @param {{ prefix: string }} row */
        cell: ({ prefix }) => {
          // Over HTTP nothing is connected first.
          if (prefix.startsWith('tcp') && counter === 'connections') return '–'
          return rate(prefix === '' ? sumOf(rates, counter) : rateIn(rates, prefix, counter))
        },
      })),
    ],
  })
}

/** @param {Rates} rates */
const lostList = (rates) => html`
  <h3>Not served, a second</h3>
  <dl class="pairs">
    ${LOST.map(({ counter, name }) => {
      const value = rateOf(rates, counter)
      return html`<div key=${counter}><dt>${name}</dt><dd class=${value > 0 ? 'bad' : ''}>${rate(value)}</dd></div>`
    })}
  </dl>`
