import { OperatorError } from '../../../lib/errors.ts'
import type { Event } from '../../../lib/wire/announce.ts'
import type { Counts } from '../../../lib/wire/counts.ts'
import { IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES } from '../../../lib/wire/endpoint.ts'
import {
  type HttpAnnounceAnswer,
  parseHttpAnnounceAnswer,
  parseHttpScrapeAnswer,
  peersFrom,
} from '../../../lib/wire/http-answer.ts'
import { writeHttpAnnounce, writeHttpScrape } from '../../../lib/wire/http-request.ts'
import type { InfoHash } from '../../../lib/wire/info-hash.ts'
import type { Parsed } from '../../../lib/wire/parsed.ts'
import { scrapePathOf } from '../../../lib/wire/scrape-path.ts'
import { ACTION, writeAnnounceRequest, writeScrapeRequest } from '../../../lib/wire/udp-request.ts'
import { quoted } from '../given.ts'
import type { Outside } from '../outside.ts'
import { type Answer, answered, failed } from './answer.ts'
import { askHttp } from './http.ts'
import { type Target, urlDataOf } from './target.ts'
import { type UdpTracker, withUdpTracker } from './udp.ts'

/** What is announced. `numwant` is negative where that is left to the tracker. */
export type Announce = {
  infoHash: InfoHash
  /** `REPORT_BYTES` bytes: peer id, amounts. */
  report: Buffer
  event: Event
  numwant: number
  port: number
  /** Asks an HTTP tracker for peers in wire form; else it may tell their ids. */
  compact: boolean
}

/** The counts of a swarm as a tracker told them; undefined where it told nothing of it. */
export type ToldCounts = { infoHash: InfoHash; counts: Counts | undefined }

/** Announces to a tracker of either protocol. */
export const announceTo = (
  target: Target,
  outside: Outside,
  announce: Announce,
): Promise<Answer<HttpAnnounceAnswer>> =>
  target.url.protocol === 'udp:'
    ? withUdpTracker(target, outside, (tracker) => announceByUdp(tracker, target, outside, announce))
    : announceByHttp(target, announce)

/** Scrapes a tracker of either protocol. */
export const scrapeFrom = (
  target: Target,
  outside: Outside,
  infoHashes: readonly InfoHash[],
): Promise<Answer<ToldCounts[]>> =>
  target.url.protocol === 'udp:'
    ? withUdpTracker(target, outside, (tracker) => scrapeByUdp(tracker, infoHashes))
    : scrapeByHttp(target, infoHashes)

/** Announces to a UDP tracker that has given a connection id. */
export async function announceByUdp(
  { connectionId, isIpv6, ask }: UdpTracker,
  { url }: Target,
  { chance }: Outside,
  announce: Announce,
): Promise<Answer<HttpAnnounceAnswer>> {
  const key = chance(4).readUInt32BE()
  const urlData = urlDataOf(url)
  const answer = await ask(ACTION.announce, (transactionId) =>
    writeAnnounceRequest({ ...announce, connectionId, transactionId, key, urlData }),
  )
  if (!answer.ok) return answer
  const { intervalS, seeders, leechers, peers } = answer.value
  const endpointBytes = isIpv6 ? IPV6_ENDPOINT_BYTES : IPV4_ENDPOINT_BYTES
  if (peers.length % endpointBytes !== 0)
    return failed('bad answer', 'the peers do not fill whole endpoints: the answer is cut off')
  const unsaid = { minIntervalS: undefined, completed: undefined, warning: undefined }
  return answered({ intervalS, seeders, leechers, ...unsaid, peers: peersFrom(peers, endpointBytes) })
}

/** Scrapes a UDP tracker that has given a connection id. */
export async function scrapeByUdp(
  { connectionId, ask }: UdpTracker,
  infoHashes: readonly InfoHash[],
): Promise<Answer<ToldCounts[]>> {
  const answer = await ask(ACTION.scrape, (transactionId) =>
    writeScrapeRequest({ connectionId, transactionId, infoHashes: [...infoHashes] }),
  )
  if (!answer.ok) return answer
  const { counts } = answer.value
  if (counts.length < infoHashes.length)
    return failed('bad answer', `the answer has counts of ${counts.length} torrents, of ${infoHashes.length} asked for`)
  return answered(infoHashes.map((infoHash, i) => ({ infoHash, counts: counts[i] })))
}

/** Announces to an HTTP tracker. */
export async function announceByHttp(target: Target, announce: Announce): Promise<Answer<HttpAnnounceAnswer>> {
  const { pathname, search } = target.url
  const query = writeHttpAnnounce({ ...announce, noPeerId: false })
  return askTracker(target, withQuery(pathname, search, query), parseHttpAnnounceAnswer)
}

/** Scrapes an HTTP tracker; throws an OperatorError where its URL has no scrape. */
export async function scrapeByHttp(target: Target, infoHashes: readonly InfoHash[]): Promise<Answer<ToldCounts[]>> {
  const { pathname, search } = target.url
  const path = scrapePathOf(pathname)
  if (path === undefined)
    throw new OperatorError(`the path of a URL to scrape has "/announce" (BEP 48), unlike ${quoted(pathname)}`)
  const answer = await askTracker(target, withQuery(path, search, writeHttpScrape(infoHashes)), parseHttpScrapeAnswer)
  if (!answer.ok) return answer
  return answered(infoHashes.map((infoHash) => ({ infoHash, counts: answer.value.get(infoHash.toString('hex')) })))
}

const withQuery = (path: string, search: string, query: string): string =>
  `${path}${search === '' ? '?' : `${search}&`}${query}`

async function askTracker<T extends object>(
  target: Target,
  path: string,
  parse: (body: Buffer) => Parsed<T | { failure: string }>,
): Promise<Answer<T>> {
  const answer = await askHttp(target, path)
  if (!answer.ok) return answer
  const { status, statusText, body } = answer.value
  const read = parse(body)
  // Some trackers put a failure under another status than BEP 3's 200.
  if (read.ok && 'failure' in read.value) return failed('refused', read.value.failure)
  if (status === 404) return failed('bad answer', `${statusText}: a tracker's path is most often /announce`)
  if (status !== 200) return failed('bad answer', statusText)
  return read.ok ? answered(read.value as T) : failed('bad answer', read.reason)
}
