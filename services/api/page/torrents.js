import { count, duration } from './format.js'
import { html } from './html.js'
import { linkTo, ORDERS, pageOf, ROWS } from './routes.js'
import { pager, standing, table } from './table.js'

/** @import { Column } from './table.js' */
/** @import { State, Torrent } from './types.d.ts' */

/** @typedef {{ torrents: Torrent[], next: string | null, made_at?: number | null, age_s?: number | null, total?: number }} Page */

/** Torrents by rank, or in the order of their info hashes. @param {State} state */
export function torrents(state) {
  const { route, answers } = state
  const prefix = route.query.get('prefix')
  const by = prefix === null ? (route.query.get('by') ?? 'seeders') : 'info_hash'
  const data = /** @type {Page | undefined} */ (answers.torrents?.data)
  const keep = prefix === null ? { by: route.query.get('by') } : { prefix }
  return html`
    <nav class="tabs" aria-label="Order of the torrents">
      ${Object.entries(ORDERS).map(
        ([name, text]) => html`<a key=${name} href=${linkTo('torrents', name === 'seeders' ? {} : { by: name })}
          aria-current=${name === by && prefix === null ? 'true' : undefined}>${text}</a>`,
      )}
    </nav>
    <section class=${`panel ${answers.torrents?.isLoading ? 'loading' : ''}`} aria-labelledby="list">
      <h2 id="list" tabindex="-1">${headingOf(by, prefix)}</h2>
      ${standing(answers.torrents, 'the torrents')}
      ${data && notes(data, by)}
      ${data && data.torrents.length > 0 && list(data, by, ROWS.torrents * (pageOf(route) - 1))}
      ${data && data.torrents.length === 0 && html`<p class="empty">${emptyText(data, by, prefix)}</p>`}
      ${pager(state, { of: 'torrents', next: data?.next, cursor: 'cursor', keep })}
    </section>`
}

/** @param {string} by @param {string | null} prefix */
function headingOf(by, prefix) {
  if (prefix !== null) return html`Torrents whose info hash begins with <span class="hash">${prefix}</span>`
  return by === 'info_hash' ? 'All torrents, by info hash' : `Torrents by ${by}`
}

/** @param {Page} data @param {string} by */
function notes({ made_at: made, age_s: age, total }, by) {
  if (by === 'info_hash' || made === null || made === undefined) return null
  return html`<p class="small">The best ${count(total ?? 0)}, ranked ${duration(age ?? 0)} ago; made anew every 5 minutes.
    The other counts are those of now.</p>`
}

/** @param {Page} data @param {string} by @param {string | null} prefix */
function emptyText({ made_at: made }, by, prefix) {
  if (prefix !== null) return 'No torrent’s info hash begins so.'
  if (by === 'info_hash') return 'There are no torrents here.'
  if (made !== null) return 'There are no torrents here.'
  return html`No ranking was made yet: the sweeper makes them every 5
    minutes. <a href=${linkTo('torrents', { by: 'info_hash' })}>All torrents, by info hash</a> are there at once.`
}

/** @param {Page} data @param {string} by @param {number} before */
function list(data, by, before) {
  /** @type {Column<Torrent>[]} */
  const columns = [
    ...(by === 'info_hash'
      ? []
      : [
          {
            name: 'Rank',
            isNumber: true,
            cell: (/** @type {Torrent} */ _, /** @type {number} */ index) => count(before + index + 1),
          },
        ]),
    {
      name: 'Info hash',
      isHead: true,
      isWide: true,
      cell: ({ info_hash: hex }) => html`<a class="hash" href=${`#/swarm/${hex}`}>${hex}</a>`,
    },
    { name: 'Seeders', isNumber: true, cell: ({ seeders }) => count(seeders) },
    { name: 'Leechers', isNumber: true, cell: ({ leechers }) => count(leechers) },
    { name: 'Completed', isNumber: true, cell: ({ completed }) => count(completed) },
    // The count that a torrent is ranked by is not that of now.
    ...(by === 'info_hash'
      ? []
      : [
          { name: 'When ranked', isNumber: true, cell: (/** @type {Torrent} */ each) => count(each.ranked_count ?? 0) },
        ]),
  ]
  return table({
    caption: `Torrents by ${by}`,
    columns,
    rows: data.torrents,
    keyOf: (torrent) => torrent.info_hash,
    empty: '',
  })
}
