import { nowS } from './figures.js'
import { bytes, count, dateTime, duration } from './format.js'
import { html } from './html.js'
import { pager, standing, table } from './table.js'

/** @import { Actions, Peer, State, Torrent } from './types.d.ts' */

/** One swarm with its peers. @param {State} state @param {Actions} actions */
export function swarm(state, actions) {
  const { route, answers } = state
  const facts = /** @type {(Torrent & { added_at: number }) | undefined} */ (answers.swarm?.data)
  const page = /** @type {{ peers: Peer[], next: string | null } | undefined} */ (answers.peers?.data)
  return html`
    ${standing(answers.swarm, 'the swarm')}
    ${
      facts &&
      html`<dl class="figures">
      ${figure('Seeders', count(facts.seeders))}
      ${figure('Leechers', count(facts.leechers))}
      ${figure('Completed', count(facts.completed))}
      ${figure('Known for', duration(nowS(state) - facts.added_at), dateTime(facts.added_at))}
    </dl>`
    }
    ${listing(state, actions)}
    ${
      facts &&
      html`<section class=${`panel ${answers.peers?.isLoading ? 'loading' : ''}`} aria-labelledby="list">
      <h2 id="list" tabindex="-1">Peers</h2>
      ${state.tracker?.has_peer_details === false && html`<p class="small">Details of peers are not kept (<code>REDSWARM_PEER_DETAILS</code>).</p>`}
      ${standing(answers.peers, 'the peers')}
      ${page && peersTable(page.peers, nowS(state))}
      ${pager(state, { of: 'peers', next: page?.next, cursor: 'after' })}
    </section>`
    }
    ${
      !facts &&
      answers.swarm?.problem &&
      html`<p><a href="#/torrents">All torrents</a>, or search for ${route.hex.slice(0, 8)} or another
      beginning of an info hash above.</p>`
    }`
}

/** @param {string} name @param {string} value @param {string} [title] */
const figure = (name, value, title) => html`<div key=${name}><dt>${name}</dt><dd title=${title}>${value}</dd></div>`

/** Whether the torrent is on the whitelist; of a tracker that serves all, only where it is. @param {State} state @param {Actions} actions */
function listing({ answers, tracker, route: { hex } }, { list, unlist }) {
  const isListed = /** @type {{ is_listed: boolean } | undefined} */ (answers.listed?.data)?.is_listed
  if (isListed === undefined || (!isListed && !tracker?.is_listed)) return null
  const text = isListed
    ? 'This torrent is on the whitelist.'
    : 'This torrent is not on the whitelist: its announces are refused.'
  return html`<p class="bar">${text}
    ${
      tracker?.token.is_admin &&
      (isListed
        ? html` <button type="button" class="quiet" onClick=${() => unlist(hex)}>Take it off …</button>`
        : html` <button type="button" onClick=${() => list(hex)}>List it</button>`)
    }</p>`
}

/** @param {readonly Peer[]} peers @param {number} now */
function peersTable(peers, now) {
  return table({
    caption: 'Peers of the swarm',
    rows: peers,
    // One that begins to seed while the page is read may be on it twice.
    keyOf: (/** @type {Peer} */ peer) => `${addressOf(peer)} ${peer.is_seeder}`,
    empty: 'No peers are in this swarm now.',
    fit: 'broad',
    columns: [
      {
        name: 'Address',
        isHead: true,
        isWide: true,
        cell: (peer) => html`<span class="code">${addressOf(peer)}</span>`,
      },
      {
        name: 'Role',
        cell: (peer) =>
          html`<span class=${`badge ${peer.is_seeder ? 'completed' : ''}`}>${peer.is_seeder ? 'seeder' : 'leecher'}</span>`,
      },
      { name: 'Client', cell: (peer) => peer.client ?? 'unknown' },
      {
        name: 'Announced',
        isNumber: true,
        cell: ({ announced_at: at }) => html`<span title=${dateTime(at)}>${duration(now - at)} ago</span>`,
      },
      { name: 'Left', isNumber: true, cell: (peer) => amount(peer.left) },
      { name: 'Up', isNumber: true, cell: (peer) => amount(peer.uploaded) },
      { name: 'Down', isNumber: true, cell: (peer) => amount(peer.downloaded) },
      {
        name: 'Peer id',
        isWide: true,
        cell: (peer) => html`<span class="code small">${peerIdText(peer.peer_id)}</span>`,
      },
    ],
  })
}

/** @param {Peer} peer */
const addressOf = ({ address, port }) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)

/** @param {number | null} value */
const amount = (value) => (value === null ? '–' : bytes(value))

/** The 20 bytes of a peer id as text, with a dot for each that is no printable character. @param {string | null} hex */
function peerIdText(hex) {
  if (hex === null) return '–'
  const codes = hex.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? []
  return codes.map((code) => (code > 32 && code < 127 ? String.fromCharCode(code) : '·')).join('')
}
