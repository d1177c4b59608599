import { NO_COUNTS } from '../wire/counts.ts'
import type { InfoHash } from '../wire/info-hash.ts'
import type { PrefixRows } from '../wire/prefix-rows.ts'
import { makePrefixTable } from '../wire/prefix-table.ts'
import type { Admission, NotAdmitted } from './admission.ts'
import type { SwarmStore } from './store.ts'

/** A torrent that is not served, until then in seconds since the epoch; undefined: for ever. */
export type Denied = { infoHash: InfoHash; untilS: number | undefined }

/** Says whether a torrent is denied. */
export type DeniedCheck = (infoHash: InfoHash) => boolean

/** The check of some info hashes; their values are until when they are denied. */
export function makeDeniedCheck(rows: PrefixRows, nowS: () => number): DeniedCheck {
  const { find, values } = makePrefixTable(rows)
  return (infoHash) => {
    const row = find(infoHash, 0)
    return row >= 0 && (values[row] as number) > nowS()
  }
}

const DENIED: NotAdmitted = { cause: 'denied', reason: 'this torrent is not allowed on this tracker' }

/** Refuses announces of denied torrents; `stopped` as well: nobody is told of who is in such a swarm. */
export const deniedAdmission =
  (isDenied: DeniedCheck): Admission =>
  ({ infoHash }) =>
    isDenied(infoHash) ? DENIED : undefined

/** A scrape that tells zeros of denied torrents, as of those that nobody has. */
export const withoutDenied =
  (scrape: SwarmStore['scrape'], isDenied: DeniedCheck): SwarmStore['scrape'] =>
  async (infoHashes) => {
    const answers = await scrape(infoHashes)
    // Nearly no scrape is of one.
    if (!infoHashes.some(isDenied)) return answers
    return answers.map((answer, i) => (isDenied(infoHashes[i] as InfoHash) ? NO_COUNTS : answer))
  }
