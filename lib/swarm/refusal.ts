import type { Refusal } from './store.ts'

/** When a client that was refused for the tracker's sake may try again. */
export const RETRY_IN_S = 60

const TEXTS: Record<Refusal, string> = {
  unlisted: 'torrent not registered with this tracker',
  busy: 'tracker is overloaded, try again later',
  away: 'tracker is temporarily unavailable, try again later',
  damaged: 'tracker cannot serve this torrent',
}

/** What a client is told of a refusal. */
export const refusalText = (refusal: Refusal): string => TEXTS[refusal]
