import { type AddressRange, numberOf, rangeOf } from './address-ranges.ts'
import { toEndpoint } from './endpoint.ts'
import { parseNetwork } from './network.ts'

/** What a line of a blocklist says: nothing, which addresses are not to be served, or that these are; or that it cannot be read. */
export type BlocklistLine =
  | { kind: 'nothing' }
  | { kind: 'range' | 'allowed'; family: 'ipv4' | 'ipv6'; range: AddressRange }
  | { kind: 'bad'; problem: string }

/** Above this level, a line of eMule's ipfilter.dat blocks nothing. */
const EMULE_LEVEL_MAX = 127

const IPV4 = String.raw`\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}`
/** `name:1.2.3.4-1.2.3.8`, PeerGuardian's: what is before the last colon is the name, whatever it has in it. */
const P2P_IPV4 = new RegExp(String.raw`^.*:\s*(${IPV4})\s*-\s*(${IPV4})$`, 's')
/** `001.002.003.004 - 001.002.003.255 , 100 , name`, eMule's. */
const EMULE = new RegExp(String.raw`^(${IPV4})\s*-\s*(${IPV4})\s*,\s*(\d{1,9})\s*(?:,.*)?$`, 's')
/** `name:2001:db8::1-2001:db8::ff`: a name without a colon. */
const P2P_IPV6 = /^[^:]*:\s*\[?([0-9a-f:.]+)\]?\s*-\s*\[?([0-9a-f:.]+)\]?$/i
const FROM_TO = /^([0-9a-f:.]+)\s*-\s*([0-9a-f:.]+)$/i
const COMMENT = /^(?:[#;]|\/\/)/
/** What may follow addresses or a network: Spamhaus has `1.2.3.0/24 ; SBL123`. */
const AFTER = /\s*[#;].*$/s

/** Of a longer line, too much would have to be tried. */
const LINE_CHARS_MAX = 1000

const NOTHING: BlocklistLine = { kind: 'nothing' }
const UNREADABLE: BlocklistLine = { kind: 'bad', problem: 'neither addresses nor a network' }

/**
 * Reads a line of a list of addresses that are not to be served, as they are about: plain addresses, networks and ranges, with comments;
 * PeerGuardian's text; eMule's ipfilter.dat; the DROP lists of Spamhaus. Zeros before a number of IPv4 say nothing: it is decimal.
 */
export function parseBlocklistLine(line: string): BlocklistLine {
  const text = line.trim()
  if (text === '' || COMMENT.test(text)) return NOTHING
  if (text.length > LINE_CHARS_MAX) return UNREADABLE
  const p2p = P2P_IPV4.exec(text)
  if (p2p) return rangeLine(p2p[1], p2p[2])
  const emule = EMULE.exec(text)
  if (emule) return rangeLine(emule[1], emule[2], Number(emule[3]) > EMULE_LEVEL_MAX ? 'allowed' : 'range')
  const plain = text.replace(AFTER, '')
  const fromTo = FROM_TO.exec(plain)
  const named = P2P_IPV6.exec(text)
  const [own, other] = [fromTo && rangeLine(fromTo[1], fromTo[2]), named && rangeLine(named[1], named[2])]
  // `ab:2001:db8::1-2001:db8::2` may be a range, or one that is called `ab`: whichever is of fewer addresses.
  if (own?.kind === 'range' && other?.kind === 'range') return own.range.from > other.range.from ? own : other
  if (other?.kind === 'range') return other
  return own ?? other ?? networkLine(plain)
}

function networkLine(text: string): BlocklistLine {
  const [address = '', ...bits] = text.split('/')
  const network = parseNetwork([decimal(address), ...bits].join('/'))
  if (!network) return UNREADABLE
  return { kind: 'range', family: network.address.length === 4 ? 'ipv4' : 'ipv6', range: rangeOf(network) }
}

function rangeLine(first = '', last = '', kind: 'range' | 'allowed' = 'range'): BlocklistLine {
  const [from, to] = [addressOf(first), addressOf(last)]
  if (!from || !to || from.length !== to.length) return UNREADABLE
  const range = { from: numberOf(from), to: numberOf(to) }
  if (range.from > range.to) return { kind: 'bad', problem: 'the last address comes before the first' }
  if (range.from === 0n && range.to + 1n === 1n << BigInt(8 * from.length))
    return { kind: 'bad', problem: 'all addresses that there are' }
  return { kind, family: from.length === 4 ? 'ipv4' : 'ipv6', range }
}

function addressOf(text: string): Buffer | undefined {
  return toEndpoint(decimal(text), 0)?.subarray(0, -2)
}

/** Without zeros before the numbers of an IPv4 address. */
const decimal = (text: string): string => (text.includes(':') ? text : text.replace(/(^|\.)0+(?=\d)/g, '$1'))
