import type { ClientRule } from '../../swarm/clients.ts'
import { EVENT, type Event, makeReport, readReport } from '../../wire/announce.ts'
import { type Endpoint, endpointText, isIpv6, isMapped, toEndpoint } from '../../wire/endpoint.ts'
import type { StoredPeer } from '../stored-peers.ts'

/** The version of the format (docs/operations.md); those before it are read, one that is newer is not. */
export const EXPORT_FORMAT = 3

/** The first line of an export. */
export type ExportHeader = {
  redswarm: 'export'
  format: number
  /** Of this export alone: by it, an import that was interrupted is known again. */
  id: string
  /** When it began, by Redis's clock: seconds since the epoch. */
  at: number
  /** The version of the program that wrote it. */
  version: string
  /** Whether peers are in it. */
  peers: boolean
  /** How many torrents there were when it began. */
  torrents: number
}

/** How much is in an export: its last line but one. */
export type ExportCounts = {
  torrents: number
  peers: number
  whitelist: number
  keys: number
  bans: number
  accounts: number
  /** Since format 2. */
  reports: number
  /** Since format 3. */
  denied: number
  clients: number
}

/** Nothing yet. */
export const noCounts = (): ExportCounts => ({
  ...{ torrents: 0, peers: 0, whitelist: 0, keys: 0, bans: 0, accounts: 0, reports: 0, denied: 0, clients: 0 },
})

/** An endpoint, and when its completed download was counted: seconds since the epoch. */
export type Completion = { endpoint: Endpoint; atS: number }

/** A swarm, or a part of a large one: its parts have the same counts. */
export type ExportedSwarm = {
  hex: string
  /** When it came to be, seconds since the epoch; 0: not known. */
  addedS: number
  completed: number
  peers: StoredPeer[]
  done: Completion[]
}

/** Until when a passkey, a ban or a denial is good, seconds since the epoch; 0 for ever. */
export type Until = [name: string, untilS: number]

/** What a client's peer id begins with, and whether it is served. */
export type Rule = [prefix: string, rule: ClientRule]

/** What an account holds: bytes, as decimal digits that Redis can add to. */
export const AMOUNT = /^(?:0|[1-9]\d{0,18})$/

/** What a passkey has moved in one shard: bytes, as decimal digits. */
export type ShardAccount = [passkey: string, uploaded: string, downloaded: string]

/**
 * What a client with a passkey has said last of a torrent: peer id as 40 hex digits, bytes as decimal digits; until when it is
 * remembered, seconds since the epoch.
 */
export type KeyReport = [
  ...[hex: string, passkey: string, peerId: string],
  ...[downloaded: string, uploaded: string, untilS: number],
]

/** A record, as its line of JSON has it; a swarm is written by `swarmLine`. */
export type ExportRecord =
  | { secret: string }
  | { counters: Record<string, number> }
  | { whitelist: string[] }
  | { keys: Until[] }
  | { bans: Until[] }
  | { denied: Until[] }
  | { clients: Rule[] }
  | { accounts: string; moved: ShardAccount[] }
  | { reports: KeyReport[] }
  | { end: ExportCounts }

/**
 * A stored peer as an import can read it, whoever wrote it: without details where they tell an event that there is not, and not at
 * all where no frontend stores such an address.
 */
export function soundPeer(peer: StoredPeer): StoredPeer[] {
  if (isMapped(peer.endpoint)) return []
  return [peer.details && !EVENTS.has(peer.details.event) ? { ...peer, details: undefined } : peer]
}

const EVENTS: ReadonlySet<unknown> = new Set(Object.values(EVENT))

/** A swarm as a line of JSON. */
export function swarmLine({ hex, addedS, completed, peers, done }: ExportedSwarm): string {
  let [seeders, leechers] = ['', '']
  for (const peer of peers) {
    if (peer.isSeeder) seeders += `${seeders && ','}${peerText(peer)}`
    else leechers += `${leechers && ','}${peerText(peer)}`
  }
  const completions = done.map(({ endpoint, atS }) => `["${endpointText(endpoint)}",${atS}]`).join()
  const lists = [
    ['seeders', seeders],
    ['leechers', leechers],
    ['done', completions],
  ].flatMap(([name, list]) => (list === '' ? [] : [`,"${name}":[${list}]`]))
  return `{"swarm":"${hex}","added":${addedS},"completed":${completed}${lists.join('')}}\n`
}

function peerText({ endpoint, announcedS, details }: StoredPeer): string {
  const start = `["${endpointText(endpoint)}",${announcedS}`
  if (!details) return `${start}]`
  const { peerId, downloaded, left, uploaded } = readReport(details.report)
  const amounts = [downloaded, left, uploaded].map(amountText).join()
  return `${start},"${peerId.toString('hex')}",${amounts},${details.event}]`
}

/** What a JSON number cannot hold exactly is text. */
const amountText = (amount: bigint): string =>
  amount <= BigInt(Number.MAX_SAFE_INTEGER) ? amount.toString() : `"${amount}"`

/** Reads a swarm from what its line says; throws an Error that says what is wrong with it. */
export function readSwarmRecord(record: Record<string, unknown>): ExportedSwarm {
  const { swarm, added, completed, seeders = [], leechers = [], done = [] } = record
  if (typeof swarm !== 'string' || !/^[0-9a-f]{40}$/.test(swarm)) throw new Error('a swarm has no info hash')
  const list = (name: string, value: unknown): unknown[] => {
    if (!Array.isArray(value)) throw new Error(`the ${name} of ${swarm} are no list`)
    return value
  }
  return {
    hex: swarm,
    addedS: readCount(added, 'added', 2 ** 32 - 1),
    completed: readCount(completed, 'completed', 2 ** 32 - 1),
    peers: [
      ...list('seeders', seeders).map((peer) => readPeer(peer, true)),
      ...list('leechers', leechers).map((peer) => readPeer(peer, false)),
    ],
    done: list('done', done).map((each) => {
      const [text, atS] = list('done', each)
      return { endpoint: readEndpoint(text), atS: readCount(atS, 'the time of a completed download', 2 ** 32 - 1) }
    }),
  }
}

function readPeer(value: unknown, isSeeder: boolean): StoredPeer {
  if (!Array.isArray(value)) throw new Error('a peer is no list')
  const [text, announcedS, id, downloaded, left, uploaded, event] = value
  const peer = { endpoint: readEndpoint(text), isSeeder, announcedS: readCount(announcedS, 'a time', 2 ** 32 - 1) }
  if (value.length === 2) return { ...peer, details: undefined }
  if (typeof id !== 'string' || !/^[0-9a-f]{40}$/.test(id)) throw new Error('a peer id is not 40 hex digits')
  const amounts = [downloaded, left, uploaded].map(readAmount) as [bigint, bigint, bigint]
  if (!EVENTS.has(event)) throw new Error('a peer has an event that there is not')
  return { ...peer, details: { report: makeReport(Buffer.from(id, 'hex'), ...amounts), event: event as Event } }
}

const ENDPOINT = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/

function readEndpoint(text: unknown): Endpoint {
  const [, ipv6, ipv4 = '', port] = (typeof text === 'string' && ENDPOINT.exec(text)) || []
  const endpoint = toEndpoint(ipv6 ?? ipv4, Number(port))
  if (!endpoint || isIpv6(endpoint) !== (ipv6 !== undefined)) throw new Error('a peer has no address')
  return endpoint
}

/** A whole number from 0 to a most; throws an Error that names it. */
export function readCount(value: unknown, name: string, max = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max) return value as number
  throw new Error(`${name} is no whole number`)
}

/** An amount of bytes, of 64 bits; throws an Error where it is none. */
export function readAmount(value: unknown): bigint {
  const amount =
    typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : BigInt(readCount(value, 'an amount'))
  if (amount < 2n ** 64n) return amount
  throw new Error('an amount is more than 64 bits')
}
