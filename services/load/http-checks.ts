import { isText, readInteger, scanDictionary, startOfText, type Visit } from '../../lib/wire/bencode-scan.ts'
import { IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES } from '../../lib/wire/endpoint.ts'
import { endpointProblem } from './endpoint-check.ts'
import type { LoadPeer } from './shape.ts'
import { countAnswer, countError, countWrong, KIND, type Tally } from './tally.ts'

/** What an HTTP request asked for, as far as its answer must fit to it. */
export type AskedByHttp = {
  kind: typeof KIND.announce | typeof KIND.scrape
  isStopped: boolean
  numwant: number
  /** One peer of each torrent that a scrape names. */
  scraped: readonly Pick<LoadPeer, 'infoHash' | 'isCounted'>[]
}

const NOT_BENCODED = 'a body that is no bencoded dictionary'
const OTHER_TORRENTS = 'a scrape reply with more or fewer torrents than asked for'
/** A failure reason is an answer, and counted as an error. */
const FAILURE = 'failure reason'

/** Counts the answer to a request, and what is wrong with it; answers whether it is an error. */
export function countHttpReply(tally: Tally, status: number, body: Buffer, asked: AskedByHttp): boolean {
  if (status !== 200) {
    countError(tally, `HTTP ${status}`)
    return true
  }
  const problem = asked.kind === KIND.announce ? readAnnounce(tally, body, asked) : readScrape(tally, body, asked)
  if (problem === undefined) countAnswer(tally, asked.kind)
  else if (problem !== FAILURE) countWrong(tally, problem)
  return problem === FAILURE
}

function readAnnounce(tally: Tally, body: Buffer, asked: AskedByHttp): string | undefined {
  let [peers, intervalS, count] = [0, 0, Number.NaN]
  let problem: string | undefined
  const readPeers = (at: number, end: number, endpointBytes: number): void => {
    if (!isText(body, at)) {
      problem = 'peers that are not compact'
      return
    }
    const start = startOfText(body, at)
    if ((end - start) % endpointBytes !== 0) problem = 'peers that do not fill whole endpoints'
    else problem ??= endpointProblem(body, start, endpointBytes, end)
    peers += (end - start) / endpointBytes
  }
  const failed = readBody(tally, body, (key, at, to) => {
    if (key === 'peers') readPeers(at, to, IPV4_ENDPOINT_BYTES)
    else if (key === 'peers6') readPeers(at, to, IPV6_ENDPOINT_BYTES)
    else if (key === 'interval') intervalS = readInteger(body, at, to)
    else if (key === 'complete' || key === 'incomplete')
      count = (Number.isNaN(count) ? 0 : count) + readInteger(body, at, to)
  })
  if (failed !== undefined) return failed
  if (problem !== undefined) return problem
  if (!(intervalS > 0)) return 'no interval above 0'
  tally.peersTold += peers
  if (peers > asked.numwant) tally.overlong += 1
  // BEP 3 leaves it to the tracker whether it tells counts.
  if (!asked.isStopped && count === 0) tally.uncounted += 1
  return undefined
}

function readScrape(tally: Tally, body: Buffer, { scraped }: AskedByHttp): string | undefined {
  let filesAt = -1
  const failed = readBody(tally, body, (key, at) => {
    if (key === 'files') filesAt = at
  })
  if (failed !== undefined) return failed
  if (filesAt < 0) return 'a scrape reply without files'
  const missing = new Map(scraped.map((peer) => [peer.infoHash.toString('latin1'), peer]))
  let entries = 0
  let empty = 0
  const end = scanDictionary(body, filesAt, (key, at) => {
    entries += 1
    if (missing.get(key)?.isCounted && countsAt(body, at) === 0) empty += 1
    missing.delete(key)
  })
  if (end < 0) return NOT_BENCODED
  if (entries !== scraped.length) return OTHER_TORRENTS
  if (missing.size > 0) return 'a scrape reply with other torrents than asked for'
  tally.emptyScrapes += empty
  return undefined
}

/** The counts of a scrape's entry together; NaN where one is no number. */
function countsAt(body: Buffer, at: number): number {
  let sum = 0
  scanDictionary(body, at, (key, valueAt, end) => {
    if (key === 'complete' || key === 'incomplete' || key === 'downloaded') sum += readInteger(body, valueAt, end)
  })
  return sum
}

/** Goes through a body; answers why there is nothing in it, where it is none or tells of a failure (which is counted). */
function readBody(tally: Tally, body: Buffer, visit: Visit): string | undefined {
  let reason: string | undefined
  const end = scanDictionary(body, 0, (key, at, to) => {
    if (key !== 'failure reason') visit(key, at, to)
    else reason = isText(body, at) ? body.toString('utf8', startOfText(body, at), to) : FAILURE
  })
  if (end !== body.length) return NOT_BENCODED
  if (reason === undefined) return undefined
  countError(tally, reason)
  return FAILURE
}
