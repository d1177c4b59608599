import { nowS } from './figures.js'
import { dateTime, duration } from './format.js'
import { html } from './html.js'
import { pager, standing } from './table.js'

/** @import { State, TorrentEvent } from './types.d.ts' */

const WORDS = { added: 'added', completed: 'completed', evicted: 'evicted' }

/** What happened to torrents. @param {State} state */
export function events(state) {
  if (state.tracker?.has_events === false) return eventsOff()
  const answer = state.answers.events
  const data = /** @type {{ events: TorrentEvent[], next: string | null } | undefined} */ (answer?.data)
  return html`<section class=${`panel ${answer?.isLoading ? 'loading' : ''}`} aria-labelledby="list">
    <h2 id="list" tabindex="-1">Newest first</h2>
    <p class="small">A torrent is added by its first announce, and evicted when its last peer has left or was not heard from.</p>
    ${standing(answer, 'the events')}
    ${data && eventList(state, data.events)}
    ${pager(state, { of: 'events', next: data?.next, cursor: 'before' })}
  </section>`
}

/** Events as a list. @param {State} state @param {readonly TorrentEvent[]} list */
export function eventList(state, list) {
  if (list.length === 0) return html`<p class="empty">Nothing has happened yet.</p>`
  const now = nowS(state)
  return html`<ol class="events">
    ${list.map(
      ({ id, event, info_hash: hex, at }) => html`<li key=${id}>
        <span class=${`badge ${event}`}>${WORDS[event]}</span>
        <a class="hash" href=${`#/swarm/${hex}`}>${hex}</a>
        <time datetime=${new Date(at * 1000).toISOString()} title=${dateTime(at)}>${duration(now - at)} ago</time>
      </li>`,
    )}
  </ol>`
}

/** What is told where there are none. */
export const eventsOff = () => html`<p class="empty">No events are written: <code>REDSWARM_EVENTS_MAX</code> is 0.</p>`
