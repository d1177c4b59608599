import { IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES } from '../../lib/wire/endpoint.ts'
import { INFO_HASH_BYTES } from '../../lib/wire/info-hash.ts'
import { isText, readInteger, scanDictionary, startOfText } from './bencode-scan.ts'
import { countAnswer, countError, countWrong, KIND, type Tally } from './tally.ts'
import { hasZeroPort } from './udp-checks.ts'

/** What an HTTP request asked for, as far as its answer must fit to it. */
export type AskedByHttp = {
  kind: typeof KIND.announce | typeof KIND.scrape
  isStopped: boolean
  numwant: number
  /** Torrents that a scrape names, each counted once. */
  scrapeHashes: number
}

const NOT_BENCODED = 'a body that is no bencoded dictionary'

/** Counts the answer to a request, and what is wrong with it. */
export function countHttpReply(tally: Tally, status: number, body: Buffer, asked: AskedByHttp): void {
  if (status !== 200) {
    countError(tally, `HTTP ${status}`)
    return
  }
  const problem = asked.kind === KIND.announce ? readAnnounce(tally, body, asked) : readScrape(tally, body, asked)
  if (problem === undefined) countAnswer(tally, asked.kind)
  else if (problem !== FAILURE) countWrong(tally, problem)
}

/** A failure reason is an answer, and counted as an error. */
const FAILURE = 'failure reason'

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
    else if (hasZeroPort(body, start, endpointBytes, end)) problem = 'a peer at port 0'
    else peers += (end - start) / endpointBytes
  }
  const end = scanDictionary(body, 0, (key, at, to) => {
    if (key === 'failure reason') problem = failed(tally, body, at, to)
    else if (key === 'peers') readPeers(at, to, IPV4_ENDPOINT_BYTES)
    else if (key === 'peers6') readPeers(at, to, IPV6_ENDPOINT_BYTES)
    else if (key === 'interval') intervalS = readInteger(body, at, to)
    else if (key === 'complete' || key === 'incomplete')
      count = (Number.isNaN(count) ? 0 : count) + readInteger(body, at, to)
  })
  if (end !== body.length) return NOT_BENCODED
  if (problem !== undefined) return problem
  if (!(intervalS > 0)) return 'no interval above 0'
  tally.peersTold += peers
  if (peers > asked.numwant) tally.overlong += 1
  // BEP 3 leaves it to the tracker whether it tells counts.
  if (!asked.isStopped && count === 0) tally.uncounted += 1
  return undefined
}

function readScrape(tally: Tally, body: Buffer, asked: AskedByHttp): string | undefined {
  let problem: string | undefined = 'a scrape reply without files'
  const end = scanDictionary(body, 0, (key, at) => {
    if (key === 'failure reason') problem = failed(tally, body, at, body.length - 1)
    else if (key === 'files') problem = filesProblem(body, at, asked.scrapeHashes)
  })
  return end === body.length ? problem : NOT_BENCODED
}

function filesProblem(body: Buffer, at: number, asked: number): string | undefined {
  let entries = 0
  let isNamedWrong = false
  scanDictionary(body, at, (key) => {
    entries += 1
    if (key.length !== INFO_HASH_BYTES) isNamedWrong = true
  })
  if (isNamedWrong) return 'a scrape entry whose name is no info hash'
  return entries === asked ? undefined : 'a scrape reply with more or fewer torrents than asked for'
}

function failed(tally: Tally, body: Buffer, at: number, end: number): string {
  countError(tally, isText(body, at) ? body.toString('utf8', startOfText(body, at), end) : FAILURE)
  return FAILURE
}
