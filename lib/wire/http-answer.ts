import { isText, scanDictionary, scanList, startOfText } from './bencode-scan.ts'
import type { Counts } from './counts.ts'
import { addressText, type Endpoint, IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES, portOf } from './endpoint.ts'
import { INFO_HASH_BYTES, PEER_ID_BYTES } from './info-hash.ts'
import { type Parsed, parsed, type Refused, refused } from './parsed.ts'

/** A peer as a tracker tells it: `address` may be a name where it tells dictionaries (BEP 3), and hold anything. */
export type ToldPeer = { address: string; port: number; peerId?: Buffer }

/** What a tracker's body says to an announce. Counts are undefined where it tells none. */
export type HttpAnnounceAnswer = {
  intervalS: number
  minIntervalS: number | undefined
  seeders: number | undefined
  leechers: number | undefined
  completed: number | undefined
  warning: string | undefined
  peers: ToldPeer[]
}

/** A tracker's refusal (BEP 3's `failure reason`), as it wrote it. */
export type HttpFailure = { failure: string }

const NOT_BENCODED = refused('the body is no bencoded dictionary, or is cut off')

type Value = { at: number; end: number }

/** Reads the body of an announce's answer, as a client does, and strictly. Never throws. */
export function parseHttpAnnounceAnswer(body: Buffer): Parsed<HttpAnnounceAnswer | HttpFailure> {
  const entries = entriesOf(body)
  if (!entries) return NOT_BENCODED
  const failure = failureOf(body, entries)
  if (failure) return parsed(failure)
  const number = (key: string): number | undefined => integerOf(body, entries.get(key))
  const intervalS = number('interval')
  if (intervalS === undefined || intervalS <= 0) return refused('the answer has no interval above 0')
  const peers = entries.get('peers')
  const peers6 = entries.get('peers6')
  const read = [
    peers ? readPeers(body, peers, IPV4_ENDPOINT_BYTES) : [],
    peers6 ? readPeers(body, peers6, IPV6_ENDPOINT_BYTES) : [],
  ]
  const bad = read.find((each): each is Refused => 'ok' in each)
  if (bad) return bad
  return parsed({
    intervalS,
    minIntervalS: number('min interval'),
    seeders: number('complete'),
    leechers: number('incomplete'),
    completed: number('downloaded'),
    warning: textOf(body, entries.get('warning message')),
    peers: (read as ToldPeer[][]).flat(),
  })
}

/** Reads the body of a scrape's answer (BEP 48), likewise: counts by info hash, as hex. */
export function parseHttpScrapeAnswer(body: Buffer): Parsed<Map<string, Counts> | HttpFailure> {
  const entries = entriesOf(body)
  if (!entries) return NOT_BENCODED
  const failure = failureOf(body, entries)
  if (failure) return parsed(failure)
  const files = entries.get('files')
  const swarms = files && entriesOf(body.subarray(files.at, files.end))
  if (!files || !swarms) return refused('the answer has no dictionary `files`')
  const counts = new Map<string, Counts>()
  for (const [key, { at, end }] of swarms) {
    const swarm = body.subarray(files.at + at, files.at + end)
    const fields = key.length === INFO_HASH_BYTES ? entriesOf(swarm) : undefined
    if (!fields) return refused('`files` has a key that is no info hash, or a value that is no dictionary')
    const count = (name: string): number => integerOf(swarm, fields.get(name)) ?? 0
    const told = { seeders: count('complete'), leechers: count('incomplete'), completed: count('downloaded') }
    counts.set(Buffer.from(key, 'latin1').toString('hex'), told)
  }
  return parsed(counts)
}

const INTEGER = /^i(-?\d{1,15})e$/

/** The entries of a dictionary that is all of these bytes; undefined where they are something else. */
function entriesOf(bytes: Buffer): Map<string, Value> | undefined {
  const entries = new Map<string, Value>()
  const end = scanDictionary(bytes, 0, (key, at, valueEnd) => entries.set(key, { at, end: valueEnd }))
  return end === bytes.length ? entries : undefined
}

function failureOf(body: Buffer, entries: ReadonlyMap<string, Value>): HttpFailure | undefined {
  const reason = entries.get('failure reason')
  return reason && { failure: textOf(body, reason) ?? '' }
}

function integerOf(bytes: Buffer, value: Value | undefined): number | undefined {
  const [, digits] = (value && INTEGER.exec(bytes.toString('latin1', value.at, value.end))) ?? []
  return digits === undefined ? undefined : Number(digits)
}

const bytesOf = (bytes: Buffer, value: Value | undefined): Buffer | undefined =>
  value && isText(bytes, value.at) ? bytes.subarray(startOfText(bytes, value.at), value.end) : undefined

const textOf = (bytes: Buffer, value: Value | undefined): string | undefined => bytesOf(bytes, value)?.toString()

/** In wire form (BEP 23, BEP 7) or as a list of dictionaries (BEP 3). */
function readPeers(body: Buffer, value: Value, endpointBytes: number): ToldPeer[] | Refused {
  const compact = bytesOf(body, value)
  if (!compact) return readDictionaries(body, value)
  if (compact.length % endpointBytes !== 0)
    return refused('the peers do not fill whole endpoints: the answer is cut off')
  return peersFrom(compact, endpointBytes)
}

/** The peers of so many bytes each in wire form; what is left at the end is no peer. */
export function peersFrom(bytes: Buffer, endpointBytes: number): ToldPeer[] {
  const peers: ToldPeer[] = []
  for (let at = 0; at + endpointBytes <= bytes.length; at += endpointBytes) {
    const endpoint = bytes.subarray(at, at + endpointBytes) as Endpoint
    peers.push({ address: addressText(endpoint), port: portOf(endpoint) })
  }
  return peers
}

const NO_PEERS = refused('`peers` is neither bytes nor a list of dictionaries with `ip` and `port`')

function readDictionaries(body: Buffer, { at }: Value): ToldPeer[] | Refused {
  const peers: (ToldPeer | undefined)[] = []
  const end = scanList(body, at, (from, to) => peers.push(peerOf(body.subarray(from, to))))
  return end >= 0 && peers.every((peer) => peer !== undefined) ? peers : NO_PEERS
}

function peerOf(bytes: Buffer): ToldPeer | undefined {
  const entries = entriesOf(bytes)
  const [address, port] = [textOf(bytes, entries?.get('ip')), integerOf(bytes, entries?.get('port'))]
  if (address === undefined || port === undefined || port < 0 || port > 65535) return undefined
  const peerId = bytesOf(bytes, entries?.get('peer id'))
  return { address, port, ...(peerId?.length === PEER_ID_BYTES && { peerId }) }
}
