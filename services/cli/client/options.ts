import { isIP } from 'node:net'
import { OperatorError } from '../../../lib/errors.ts'
import { EVENT, type Event, makeReport } from '../../../lib/wire/announce.ts'
import { type InfoHash, PEER_ID_BYTES } from '../../../lib/wire/info-hash.ts'
import { quoted, readHash, readNumber, readSecondsMs } from '../given.ts'
import type { Outside } from '../outside.ts'
import type { Announce } from './ask.ts'
import { credentialsOf, hostOf, readTrackerUrl, type Target } from './target.ts'

/** Options of every command that asks a tracker. */
export type AskOptions = { timeout: string; ipv4?: boolean; ipv6?: boolean; json?: boolean }

/** Options of an announce. */
export type AnnounceOptions = AskOptions & {
  event: string
  left: string
  uploaded: string
  downloaded: string
  port: string
  numwant?: string
  peerId?: string
  compact: boolean
}

const TIMEOUT_S = { min: 0.1, max: 600 } as const
const U64_MAX = 2n ** 64n - 1n

/** The tracker that is asked. */
export function targetOf(url: string, { timeout, ipv4, ipv6 }: AskOptions, { version }: Outside): Target {
  if (ipv4 && ipv6) throw new OperatorError('-4 and -6 cannot both be: a tracker is asked at one address')
  const read = readTrackerUrl(url)
  const family = ipv4 ? 4 : ipv6 ? 6 : 0
  const its = isIP(hostOf(read))
  if (family !== 0 && its !== 0 && its !== family)
    throw new OperatorError(`${quoted(hostOf(read))} is no IPv${family} address: leave out -${family}`)
  return {
    ...{ url: read, family, auth: credentialsOf(read) },
    timeoutMs: readSecondsMs('--timeout', timeout, TIMEOUT_S.min, TIMEOUT_S.max),
    userAgent: `redswarm/${version}`,
  }
}

/** What is announced. */
export function announceOf(hash: string, options: AnnounceOptions, outside: Outside): Announce {
  const { event, numwant, compact } = options
  const infoHash = readHash(hash)
  const port = readNumber('--port', options.port, 0, 65_535)
  const peerId = options.peerId === undefined ? ownPeerId(outside) : readPeerId(options.peerId)
  const amount = (name: 'left' | 'uploaded' | 'downloaded') => readAmount(`--${name}`, options[name])
  return {
    infoHash,
    report: makeReport(peerId, amount('downloaded'), amount('left'), amount('uploaded')),
    event: EVENT[event as keyof typeof EVENT],
    numwant: numwant === undefined ? -1 : readNumber('--numwant', numwant, 0, 2 ** 31 - 1),
    port,
    compact,
  }
}

/** An announce by which a tracker is only tried: whoever was never there stops, so that nothing stays of it. */
export const trialOf = (infoHash: InfoHash, outside: Outside): Announce => ({
  infoHash,
  report: makeReport(ownPeerId(outside), 0n, 1n, 0n),
  event: EVENT.stopped satisfies Event,
  numwant: 0,
  port: TRIAL_PORT,
  compact: true,
})

/** The first port of BitTorrent's own. */
const TRIAL_PORT = 6881
const PEER_ID_HEAD = '-RS0100-'

/** One of this program's (BEP 20), another in every run. */
const ownPeerId = ({ chance }: Outside): Buffer =>
  Buffer.from(PEER_ID_HEAD + chance((PEER_ID_BYTES - PEER_ID_HEAD.length) / 2).toString('hex'))

function readPeerId(text: string): Buffer {
  if (/^[0-9a-f]{40}$/i.test(text)) return Buffer.from(text, 'hex')
  if (/^[\x21-\x7e]{20}$/.test(text)) return Buffer.from(text)
  throw new OperatorError(`--peer-id must be 20 ASCII characters or 40 hex digits, not ${quoted(text)}`)
}

function readAmount(option: string, text: string): bigint {
  const amount = /^\d{1,20}$/.test(text) ? BigInt(text) : U64_MAX + 1n
  if (amount <= U64_MAX) return amount
  throw new OperatorError(`${option} must be a number of bytes, not ${quoted(text)}`)
}
