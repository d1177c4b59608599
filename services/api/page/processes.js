import { nowS } from './figures.js'
import { bytes, count, dateTime, duration } from './format.js'
import { html } from './html.js'
import { redisPanel } from './redis.js'
import { table } from './table.js'

/** @import { Instance, State } from './types.d.ts' */

/** The processes of the tracker, and Redis. @param {State} state */
export function processes(state) {
  const { instances } = state
  return html`
    <section class="panel" aria-labelledby="list">
      <h2 id="list" tabindex="-1">Processes of the tracker</h2>
      <p class="small">Each says every second how it is. One that is silent was killed, or cannot reach Redis; five minutes later it is
        forgotten.</p>
      ${instances ? instancesTable(instances, nowS(state)) : html`<p class="empty">Reading …</p>`}
    </section>
    <section class="panel" aria-labelledby="redis">
      <h2 id="redis">Redis</h2>
      ${redisPanel(state)}
    </section>`
}

/** @param {readonly Instance[]} instances @param {number} now */
function instancesTable(instances, now) {
  return table({
    caption: 'Processes of the tracker',
    rows: instances,
    keyOf: (/** @type {Instance} */ { id }) => id,
    empty: 'No process has told of itself.',
    fit: 'broad',
    columns: [
      { name: 'Roles', isHead: true, cell: ({ roles }) => roles.join(', ') },
      { name: 'State', cell: (instance) => stateOf(instance, now) },
      { name: 'Host', cell: ({ host }) => host },
      { name: 'Process', isNumber: true, cell: ({ pid }) => String(pid) },
      {
        name: 'Listens on',
        isWide: true,
        cell: ({ listens }) =>
          html`<ul class="lines code small">${listens.map((listen) => html`<li key=${listen}>${listen}</li>`)}</ul>`,
      },
      { name: 'Requests a second', isNumber: true, cell: (each) => count(each.requests_per_s) },
      { name: 'CPU', isNumber: true, cell: (each) => `${Math.round(100 * each.cpu_cores)} %` },
      { name: 'Memory', isNumber: true, cell: (each) => bytes(each.rss_bytes) },
      {
        name: 'Version',
        cell: ({ version, node }) => `${version}, Node ${node.replace('v', '')}`,
      },
    ],
  })
}

/** @param {Instance} instance @param {number} now */
function stateOf({ is_silent: isSilent, told_at: told, started_at: started }, now) {
  return isSilent
    ? html`<span class="badge bad" title=${dateTime(told)}>silent for ${duration(now - told)}</span>`
    : html`<span class="badge good" title=${dateTime(started)}>up for ${duration(now - started)}</span>`
}
