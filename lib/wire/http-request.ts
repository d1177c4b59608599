import { EVENT, type Event, makeReport } from './announce.ts'
import { type Endpoint, toEndpoint } from './endpoint.ts'
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
  const read = readOnce(query)
  if (!read.ok) return read
  const [hashText, idText, portText, uploaded, downloaded, left, eventText, numwantText, compact, noPeerId] = read.value
  const infoHash = bytesOf('info_hash', hashText, toInfoHash, 'must be 20 bytes')
  if (!infoHash.ok) return infoHash
  const peerId = bytesOf('peer_id', idText, toPeerId, 'must be 20 bytes')
  if (!peerId.ok) return peerId
  const event = eventOf(eventText)
  const port = portOf(portText, event)
  if (!port.ok) return port
  const report = reportOf(peerId.value, { uploaded, downloaded, left })
  if (!report.ok) return report
  // Up to 20 digits, as the amounts have: some clients write -1 unsigned.
  const numwant = numwantText || '-1'
  if (!/^-?\d{1,20}$/.test(numwant)) return refused('numwant must be a number')
  return parsed({
    infoHash: infoHash.value,
    report: report.value,
    event,
    numwant: Number(numwant),
    port: port.value,
    compact: compact !== '0',
    noPeerId: noPeerId === '1',
  })
}

/** The parameters that are read of everybody; whatever else there is, `key` among it, is passed over. */
const READ = 'info_hash peer_id port uploaded downloaded left event numwant compact no_peer_id'.split(' ')

/** The raw values of those, in their order. */
function readOnce({ pairs }: Query): Parsed<(string | undefined)[]> {
  const values: (string | undefined)[] = new Array(READ.length).fill(undefined)
  for (let i = 0; i < pairs.length; i += 2) {
    // Ten comparisons cost less than one look-up by a name that was cut from a text: that is hashed and kept first.
    const place = READ.indexOf(pairs[i] as string)
    if (place < 0) continue
    if (values[place] !== undefined) return refused(`${READ[place]} is given more than once`)
    values[place] = pairs[i + 1]
  }
  return parsed(values)
}

const toPeerId = (bytes: Buffer): Buffer | undefined => (bytes.length === PEER_ID_BYTES ? bytes : undefined)

function bytesOf<T>(
  name: string,
  text: string | undefined,
  to: (bytes: Buffer) => T | undefined,
  rule: string,
): Parsed<T> {
  if (text === undefined) return refused(`${name} is missing`)
  const bytes = decodeBytes(text)
  if (!bytes) return refused(`${name} has a malformed escape`)
  const value = to(bytes)
  return value === undefined ? refused(`${name} ${rule}`) : parsed(value)
}

/** An event that BEP 3 does not know, `paused` (BEP 21) among them, is a regular announce. */
function eventOf(text: string | undefined): Event {
  return text === 'started' || text === 'stopped' || text === 'completed' ? EVENT[text] : EVENT.none
}

function portOf(text: string | undefined, event: Event): Parsed<number> {
  if (text === undefined) return refused('port is missing')
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  // Nobody can connect to port 0, but a client that says goodbye needs no port.
  const least = event === EVENT.stopped ? 0 : 1
  return port >= least && port <= 65535 ? parsed(port) : refused('port must be 1 to 65535')
}

function reportOf(
  peerId: Buffer,
  given: Record<'uploaded' | 'downloaded' | 'left', string | undefined>,
): Parsed<Buffer> {
  const downloaded = amountOf('downloaded', given.downloaded, 0n)
  if (!downloaded.ok) return downloaded
  // Missing, it is unknown: taken for 0, a client that does not say would be counted as a seeder.
  const left = amountOf('left', given.left, UNKNOWN)
  if (!left.ok) return left
  const uploaded = amountOf('uploaded', given.uploaded, 0n)
  if (!uploaded.ok) return uploaded
  return parsed(makeReport(peerId, downloaded.value, left.value, uploaded.value))
}

function amountOf(name: string, text: string | undefined, absent: bigint): Parsed<bigint> {
  if (text === undefined || text === '') return parsed(absent)
  if (!UNSIGNED.test(text)) return refused(`${name} must be a number of bytes`)
  const amount = BigInt(text)
  return amount <= UNKNOWN ? parsed(amount) : refused(`${name} is too large`)
}

/**
 * Reads the address that the query of an announce names (BEP 3's `ip`); nothing where it names none. BEP 3 has names of
 * hosts there, too: nobody is looked up for a client, who would have to wait for it.
 */
export function parseHttpIp(query: Query, port: number): Parsed<Endpoint | undefined> {
  const [value = '', another] = query.all('ip')
  if (another !== undefined) return refused('ip is given more than once')
  if (value === '') return parsed(undefined)
  const endpoint = toEndpoint(decodeBytes(value)?.toString('latin1') ?? '', port)
  return endpoint ? parsed(endpoint) : refused('ip must be an IP address')
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
