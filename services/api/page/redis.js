import { nowS } from './figures.js'
import { bytes, count, duration } from './format.js'
import { html } from './html.js'

/** @import { Redis, State } from './types.d.ts' */

/** How Redis is. @param {State} state */
export function redisPanel(state) {
  const { redis, isRedisAway, at } = state
  if (!redis)
    return html`<p class="empty">${isRedisAway ? 'Nothing is known of Redis yet: it does not answer.' : 'Reading …'}</p>`
  const { replicas, cpu_cores: cpu } = redis
  const name = redis.kind === 'valkey' ? 'Valkey' : 'Redis'
  return html`<dl class="pairs wide">
    ${pair('State', isRedisAway ? badge('away', true) : stateOf(redis))}
    ${pair('Server', `${name} ${redis.version}, ${roleOf(redis)}`)}
    ${pair('Up for', duration(redis.uptime_s))}
    ${pair('Memory', memory(redis))}
    ${pair(redis.masters > 1 ? 'CPU of their main threads' : 'CPU of its main thread', cpu === null ? '–' : `${Math.round(100 * cpu)} %`)}
    ${pair('Operations a second', count(redis.ops_per_s))}
    ${pair('Clients', count(redis.clients))}
    ${pair('Replicas', count(replicas))}
    ${pair('Append-only file', appendOnly(redis))}
    ${pair('Last snapshot', snapshot(redis, nowS(state), at))}
  </dl>`
}

/** @param {string} name @param {unknown} value */
const pair = (name, value) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`

/** @param {string} text @param {boolean} isBad */
const badge = (text, isBad) => html`<span class=${`badge ${isBad ? 'bad' : 'good'}`}>${text}</span>`

/** @param {Redis} redis */
function stateOf({ is_loading: isLoading, masters_away: away }) {
  if (away.length > 0)
    return away.map(({ address, cause }) => badge(`${address} is away: ${cause.replace('_', ' ')}`, true))
  return badge(isLoading ? 'loading its data' : 'answers', isLoading)
}

/** @param {Redis} redis */
function roleOf({ role, masters, masters_away: away }) {
  if (role === 'replica') return 'a replica'
  if (away.length > 0) return `${count(masters)} of ${count(masters + away.length)} primaries of a Cluster together`
  return masters > 1 ? `${count(masters)} primaries of a Cluster together` : 'primary'
}

/** @param {Redis} redis */
function memory({ used_bytes: used, peak_bytes: peak, max_bytes: max }) {
  if (max === null) return `${bytes(used)}, at most ${bytes(peak)} so far, no limit`
  const share = Math.round((100 * used) / max)
  const text = `${bytes(used)} of ${bytes(max)} (${share} %)`
  return share >= 90 ? badge(text, true) : text
}

/** @param {Redis} redis */
function appendOnly({ has_aof: has, is_aof_well: isWell }) {
  if (!has) return badge('off: a crash loses what came after the last snapshot', true)
  return isWell ? 'on' : badge('on, and the last write failed', true)
}

/** @param {Redis} redis @param {number} now @param {number} at */
function snapshot({ snapshot_at: snapshotAt, is_snapshot_well: isWell, uptime_s: uptime }, now, at) {
  if (!isWell) return badge('failed', true)
  // Redis tells its own start where it has made none since.
  const isNone = snapshotAt === 0 || Math.abs(at / 1000 - uptime - snapshotAt) < 2
  return isNone ? 'none since its start' : `${duration(now - snapshotAt)} ago`
}
