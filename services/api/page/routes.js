/** @import { Route, State } from './types.d.ts' */

/** The views that are always at hand, and what they are called. */
export const VIEWS = {
  overview: 'Overview',
  torrents: 'Torrents',
  processes: 'Processes',
  access: 'Access',
  events: 'Events',
}

/** Rows of a page. */
export const ROWS = { torrents: 50, peers: 100, whitelist: 50, keys: 50, events: 50 }

/** What torrents are ordered by. */
export const ORDERS = { seeders: 'Seeders', leechers: 'Leechers', completed: 'Completed', info_hash: 'Info hash' }

/** The place that a URL's fragment names: `#/swarm/HASH?after=…`. @param {string} fragment @returns {Route} */
export function readRoute(fragment) {
  const [path = '', query = ''] = fragment.replace(/^#\/?/, '').split(/\?(.*)/s)
  const [view = '', hex = ''] = path.split('/')
  const isKnown = Object.hasOwn(VIEWS, view) || (view === 'swarm' && isInfoHash(hex))
  return {
    view: isKnown ? view : view === '' ? 'overview' : 'nowhere',
    hex: hex.toLowerCase(),
    query: new URLSearchParams(query),
  }
}

/** The link to a place. @param {string} path @param {Record<string, string | number | null | undefined>} [query] */
export function linkTo(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '')
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return `#/${path}${text === '' ? '' : `?${text}`}`
}

/** @param {string} text */
export const isInfoHash = (text) => /^[0-9a-f]{40}$/i.test(text)

/** The number of the page that is shown. @param {Route} route @param {string} [name] */
export const pageOf = ({ query }, name = 'page') => Math.max(1, Number.parseInt(query.get(name) ?? '1', 10) || 1)

/** What a view is called, for the window's title and its heading. @param {Route} route */
export function titleOf({ view, hex }) {
  if (view === 'swarm') return `Swarm ${hex}`
  return view in VIEWS ? VIEWS[/** @type {keyof typeof VIEWS} */ (view)] : 'Nothing here'
}

/** What a view asks the API for, by the name that it knows it by. @param {State} state @returns {Record<string, string>} */
export function asked({ route, tracker }) {
  const { view, hex, query } = route
  switch (view) {
    case 'torrents':
      return { torrents: torrentsPath(query) }
    case 'swarm':
      return {
        swarm: `api/v2/torrents/${hex}`,
        peers: paged(`api/v2/torrents/${hex}/peers`, { after: query.get('after'), limit: ROWS.peers }),
        listed: `api/v2/whitelist/${hex}`,
      }
    case 'access':
      return {
        whitelist: paged('api/v2/whitelist', { after: query.get('after'), limit: ROWS.whitelist }),
        // Passkeys are secrets, which a token that may only read is not shown.
        ...(tracker?.token.is_admin && {
          keys: paged('api/v2/keys', { cursor: query.get('keys'), limit: ROWS.keys }),
        }),
      }
    case 'events':
      return tracker?.has_events
        ? { events: paged('api/v2/events/recent', { before: query.get('before'), limit: ROWS.events }) }
        : {}
    default:
      return {}
  }
}

/** @param {URLSearchParams} query */
function torrentsPath(query) {
  const cursor = query.get('cursor')
  const by = query.get('by') ?? 'seeders'
  const prefix = query.get('prefix')
  if (by === 'info_hash' || prefix !== null)
    return paged('api/v2/torrents', { after: cursor, limit: ROWS.torrents, prefix })
  return paged('api/v2/torrents/ranked', { by, cursor, limit: ROWS.torrents })
}

/** @param {string} path @param {Record<string, string | number | null>} query */
const paged = (path, query) => `${path}${linkTo('', query).slice(2)}`
