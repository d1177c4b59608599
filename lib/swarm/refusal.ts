import type { Refusal } from './store.ts'

/** A client that was refused for the tracker's sake is asked to wait for so many minutes at least, and at most. */
const RETRY_MIN_MINUTES = 1
const RETRY_MAX_MINUTES = 5
const SECONDS_PER_MINUTE = 60

/** In how many seconds a refused client may try again; undefined where to try again is of no use. */
export function retryInS(refusal: Refusal, random: () => number): number | undefined {
  if (LASTING.has(refusal)) return undefined
  return someMinutesS(random)
}

/** A whole number of minutes (BEP 31), by chance, so that those who were refused in a moment do not come back in one. */
export function someMinutesS(random: () => number): number {
  const choices = RETRY_MAX_MINUTES - RETRY_MIN_MINUTES + 1
  return SECONDS_PER_MINUTE * (RETRY_MIN_MINUTES + Math.floor(choices * random()))
}

/** What is the same in some minutes: clients come back at their own interval. */
const LASTING: ReadonlySet<Refusal> = new Set(['unlisted', 'torrents', 'address_torrents', 'swarm_peers'])
/** What a client is told whose address asks too much. */
export const OVER_RATE = 'too many requests from your address: slow down'

const unavailable = (how: string): string => `tracker is temporarily unavailable (its store is ${how}), try again later`

const TEXTS: Record<Refusal, string> = {
  unlisted: 'torrent not registered with this tracker',
  torrents: 'this tracker has as many torrents as it can serve, and takes no new ones now',
  address_torrents: 'your address has added too many torrents to this tracker, add more later',
  swarm_peers: 'this torrent has as many peers as this tracker keeps of one',
  busy: 'tracker is overloaded, try again later',
  damaged: 'tracker cannot serve this torrent',
  away: unavailable('away'),
  slow: unavailable('slow'),
  loading: unavailable('loading'),
  read_only: unavailable('read-only'),
  out_of_memory: unavailable('out of memory'),
  failing_over: unavailable('failing over'),
}

/** What a client is told of a refusal. */
export const refusalText = (refusal: Refusal): string => TEXTS[refusal]
