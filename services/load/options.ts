import { OperatorError } from '../../lib/errors.ts'
import { SCRAPE_INFO_HASHES_MAX } from '../../lib/wire/udp-request.ts'
import type { Target } from './target.ts'

/** What a load was asked to do, complete; every worker process gets it. */
export type LoadOptions = {
  seconds: number
  warmUp: number
  torrents: number
  peers: number
  numwant: number
  /** Share of peers that have all of their torrent. */
  seeders: number
  /** How often each kind of request is made, next to the others. */
  weights: { connect: number; announce: number; scrape: number }
  scrapeHashes: number
  outstanding: number
  /** Requests a second; undefined where each reply makes room for the next request. */
  rate: number | undefined
  addresses: number
  processes: number
  seed: number
  fill: boolean
  /** Processes whose CPU time counts, by name. */
  pids: Record<string, number>
  json: boolean
}

/** Options as the command line gives them. */
export type RawLoadOptions = {
  pid?: string[]
  fill: boolean
  json?: boolean
  rate?: string
} & Record<NumberName | 'seeders' | 'weights', string>

/** A load is for minutes: who leaves one running by mistake has it end by itself. */
const SECONDS_MAX = 3600
/** Each process keeps all peers that are its own in memory: some 0.5 kB a peer. */
const PEERS_MAX = 4_000_000
/** More under way than any socket buffer of a tracker holds. */
const OUTSTANDING_MAX = 65_536
/** 127.0.1.1 to 127.0.1.254. */
const ADDRESSES_MAX = 254
/** Sockets that one process waits on at most, as a frontend. */
const ADDRESSES_PER_PROCESS_MAX = 127
const PROCESSES_MAX = 64
const RATE_MAX = 10_000_000
/** More than an unfragmented reply holds (242 peers). */
const NUMWANT_MAX = 1000
const SEED_MAX = 2 ** 31

/** What each number may be, and what it is unless said otherwise. */
export const NUMBERS = {
  seconds: { min: 1, max: SECONDS_MAX, default: 10, says: 'how long to measure' },
  warmUp: { min: 0, max: SECONDS_MAX, default: 1, says: 'seconds of load before that, which are not counted' },
  torrents: { min: 1, max: PEERS_MAX, default: 100_000, says: 'torrents that peers are spread over' },
  peers: { min: 1, max: PEERS_MAX, default: 200_000, says: 'peers, each at one address and port' },
  numwant: { min: 0, max: NUMWANT_MAX, default: 30, says: 'peers that an announce asks for' },
  scrapeHashes: { min: 1, max: SCRAPE_INFO_HASHES_MAX, default: 5, says: 'torrents that a scrape asks for' },
  outstanding: { min: 1, max: OUTSTANDING_MAX, default: 1024, says: 'requests under way, in all' },
  addresses: { min: 1, max: ADDRESSES_MAX, default: 16, says: 'addresses that peers are at: 127.0.1.1 and on' },
  processes: { min: 1, max: PROCESSES_MAX, default: 1, says: 'processes that make the load' },
  seed: { min: 1, max: SEED_MAX, default: 1, says: 'another number, another load' },
} as const

/** The options that are whole numbers. */
export type NumberName = keyof typeof NUMBERS

/** The name of an option as it is typed. */
export const optionName = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** Reads the options; an OperatorError names the one that is wrong, what was given, and what it may be. */
export function readOptions(raw: RawLoadOptions, target: Target): LoadOptions {
  const numbers = Object.fromEntries(
    Object.entries(NUMBERS).map(([name, { min, max }]) => [name, readNumber(name, raw[name as NumberName], min, max)]),
  ) as Record<NumberName, number>
  const options: LoadOptions = {
    ...numbers,
    seeders: readShare(raw.seeders),
    weights: readWeights(raw.weights, target),
    rate: raw.rate === undefined ? undefined : readNumber('rate', raw.rate, 1, RATE_MAX),
    fill: raw.fill,
    pids: readPids(raw.pid ?? []),
    json: raw.json ?? false,
  }
  checkTogether(options)
  return options
}

const wrong = (name: string, given: string, mayBe: string): OperatorError =>
  new OperatorError(`${optionName(name)}: "${given}" was given, it must be ${mayBe}`)

function readNumber(name: string, text: string, min: number, max: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= min && number <= max) return number
  throw wrong(name, text, `a whole number from ${min} to ${max}`)
}

function readShare(text: string): number {
  const share = Number(text)
  if (/^[\d.]+$/.test(text) && share >= 0 && share <= 1) return share
  throw wrong('seeders', text, 'a share from 0 to 1')
}

function readWeights(text: string, { protocol, scrapePath }: Target): LoadOptions['weights'] {
  const match = /^(\d{1,6}):(\d{1,6}):(\d{1,6})$/.exec(text)
  const [connect, announce, scrape] = match ? match.slice(1).map(Number) : []
  if (connect === undefined || announce === undefined || scrape === undefined) {
    throw wrong('weights', text, 'three whole numbers, connect:announce:scrape, such as 50:50:1')
  }
  if ((protocol === 'udp' ? connect : 0) + announce + scrape === 0) {
    throw wrong(
      'weights',
      text,
      protocol === 'udp' ? 'above 0 in one place at least' : 'above 0 for announce or scrape',
    )
  }
  if (protocol === 'http' && scrape > 0 && scrapePath === '') {
    throw wrong('weights', text, '0 for scrape: the last part of the URL\'s path does not start with "announce"')
  }
  return { connect: protocol === 'udp' ? connect : 0, announce, scrape }
}

function readPids(texts: readonly string[]): Record<string, number> {
  const pids: Record<string, number> = {}
  for (const text of texts) {
    const [, name, pid] = /^([^=]+)=(\d{1,10})$/.exec(text) ?? []
    if (name === undefined) throw wrong('pid', text, 'NAME=PID, such as frontend=4711')
    if (name in pids) throw wrong('pid', text, `another name: ${name} was given before`)
    pids[name] = Number(pid)
  }
  return pids
}

function checkTogether({ outstanding, addresses, processes, peers }: LoadOptions): void {
  if (outstanding < addresses) {
    throw wrong('outstanding', String(outstanding), `--addresses (${addresses}) at least: one for each address`)
  }
  if (addresses < processes) {
    throw wrong('addresses', String(addresses), `--processes (${processes}) at least: each process has its own`)
  }
  if (Math.ceil(addresses / processes) > ADDRESSES_PER_PROCESS_MAX) {
    const needed = Math.ceil(addresses / ADDRESSES_PER_PROCESS_MAX)
    throw wrong('processes', String(processes), `${needed} at least for ${addresses} addresses`)
  }
  if (peers < addresses) {
    throw wrong('peers', String(peers), `--addresses (${addresses}) at least: one at each address`)
  }
}
