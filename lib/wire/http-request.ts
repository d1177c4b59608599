import { EVENT, type Event, makeReport } from './announce.ts'
import { type InfoHash, PEER_ID_BYTES, toInfoHash } from './info-hash.ts'
import { type Parsed, parsed, type Refused, refused } from './parsed.ts'
import { decodeBytes, encodeBytes, type Query } from './query.ts'

/** An HTTP announce (BEP 3, 7, 23): what its query says. The address is the connection's. */
export type HttpAnnounceRequest = {
  infoHash: InfoHash
  /** As in `AnnounceRequest`. */
  report: Buffer
  event: Event
  /** Negative where the client names none. */
  numwant: number
  port: number
  /** Whether peers are wanted in wire form (BEP 23), unless `compact=0` says otherwise. */
  compact: boolean
  /** BEP 3's `no_peer_id`: a list of dictionaries may leave the peer ids out. */
  noPeerId: boolean
}

/** Info hashes answered in one HTTP scrape; more is refused. */
export const HTTP_SCRAPE_INFO_HASHES_MAX = 100

/** What stands for a number that a client did not give: BEP 15's clients send -1 where they do not know what is left. */
const UNKNOWN = 0xffff_ffff_ffff_ffffn
const UNSIGNED = /^\d{1,20}$/

/** Reads the query of an announce. Never throws; each refusal names the parameter, for the client to be told. */
export function parseHttpAnnounce(query: Query): Parsed<HttpAnnounceRequest> {
  const doubled = READ.find((name) => query.all(name).length > 1)
  if (doubled) return refused(`${doubled} is given more than once`)
  const infoHash = bytesOf(query, 'info_hash', toInfoHash, 'must be 20 bytes')
  if (!infoHash.ok) return infoHash
  const peerId = bytesOf(query, 'peer_id', toPeerId, 'must be 20 bytes')
  if (!peerId.ok) return peerId
  const event = eventOf(query.all('event')[0])
  const port = portOf(query, event)
  if (!port.ok) return port
  const report = reportOf(query, peerId.value)
  if (!report.ok) return report
  // Up to 20 digits, as the amounts have: some clients write -1 unsigned.
  const numwant = query.all('numwant')[0] || '-1'
  if (!/^-?\d{1,20}$/.test(numwant)) return refused('numwant must be a number')
  return parsed({
    infoHash: infoHash.value,
    report: report.value,
    event,
    numwant: Number(numwant),
    port: port.value,
    compact: query.all('compact')[0] !== '0',
    noPeerId: query.all('no_peer_id')[0] === '1',
  })
}

/** The parameters that are read; whatever else there is, `ip` and `key` among it, is passed over. */
const READ = 'info_hash peer_id port uploaded downloaded left event numwant compact no_peer_id'.split(' ')

const toPeerId = (bytes: Buffer): Buffer | undefined => (bytes.length === PEER_ID_BYTES ? bytes : undefined)

function bytesOf<T>(query: Query, name: string, to: (bytes: Buffer) => T | undefined, rule: string): Parsed<T> {
  const values = query.all(name)
  if (values.length === 0) return refused(`${name} is missing`)
  const bytes = decodeBytes(values[0] ?? '')
  if (!bytes) return refused(`${name} has a malformed escape`)
  const value = to(bytes)
  return value === undefined ? refused(`${name} ${rule}`) : parsed(value)
}

/** An event that BEP 3 does not know, `paused` (BEP 21) among them, is a regular announce. */
function eventOf(text: string | undefined): Event {
  return text === 'started' || text === 'stopped' || text === 'completed' ? EVENT[text] : EVENT.none
}

function portOf(query: Query, event: Event): Parsed<number> {
  const text = query.all('port')[0]
  if (text === undefined) return refused('port is missing')
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  // Nobody can connect to port 0, but a client that says goodbye needs no port.
  const least = event === EVENT.stopped ? 0 : 1
  return port >= least && port <= 65535 ? parsed(port) : refused('port must be 1 to 65535')
}

function reportOf(query: Query, peerId: Buffer): Parsed<Buffer> {
  const downloaded = amountOf(query, 'downloaded', 0n)
  if (!downloaded.ok) return downloaded
  // Missing, it is unknown: taken for 0, a client that does not say would be counted as a seeder.
  const left = amountOf(query, 'left', UNKNOWN)
  if (!left.ok) return left
  const uploaded = amountOf(query, 'uploaded', 0n)
  if (!uploaded.ok) return uploaded
  return parsed(makeReport(peerId, downloaded.value, left.value, uploaded.value))
}

function amountOf(query: Query, name: string, absent: bigint): Parsed<bigint> {
  const text = query.all(name)[0]
  if (text === undefined || text === '') return parsed(absent)
  if (!UNSIGNED.test(text)) return refused(`${name} must be a number of bytes`)
  const amount = BigInt(text)
  return amount <= UNKNOWN ? parsed(amount) : refused(`${name} is too large`)
}

/** Reads the query of a scrape (BEP 48): one info hash or several, in order. */
export function parseHttpScrape(query: Query): Parsed<InfoHash[]> {
  const values = query.all('info_hash')
  // "All torrents" is what some trackers make of none, and what others use to bring them down.
  if (values.length === 0) return refused('info_hash is missing')
  if (values.length > HTTP_SCRAPE_INFO_HASHES_MAX) return refused(TOO_MANY)
  const infoHashes: InfoHash[] = []
  for (const value of values) {
    const bytes = decodeBytes(value)
    const infoHash = bytes && toInfoHash(bytes)
    if (!infoHash) return bytes ? BAD_HASH : BAD_ESCAPE
    infoHashes.push(infoHash)
  }
  return parsed(infoHashes)
}

const TOO_MANY = `more than ${HTTP_SCRAPE_INFO_HASHES_MAX} info_hash`
const BAD_HASH: Refused = refused('info_hash must be 20 bytes')
const BAD_ESCAPE: Refused = refused('info_hash has a malformed escape')

const EVENT_TEXT = { 0: '', 1: 'completed', 2: 'started', 3: 'stopped' } as const

/** The query of an announce, as a client writes it. */
export function writeHttpAnnounce(request: HttpAnnounceRequest): string {
  const { report, event } = request
  const parts = [
    `info_hash=${encodeBytes(request.infoHash)}`,
    `peer_id=${encodeBytes(report.subarray(0, PEER_ID_BYTES))}`,
    `port=${request.port}`,
    `uploaded=${report.readBigUInt64BE(36)}`,
    `downloaded=${report.readBigUInt64BE(20)}`,
    `left=${report.readBigUInt64BE(28)}`,
    `compact=${request.compact ? 1 : 0}`,
  ]
  if (event !== EVENT.none) parts.push(`event=${EVENT_TEXT[event]}`)
  if (request.numwant >= 0) parts.push(`numwant=${request.numwant}`)
  if (request.noPeerId) parts.push('no_peer_id=1')
  return parts.join('&')
}

/** The query of a scrape, as a client writes it. */
export const writeHttpScrape = (infoHashes: readonly InfoHash[]): string =>
  infoHashes.map((infoHash) => `info_hash=${encodeBytes(infoHash)}`).join('&')
