import { isIP } from 'node:net'
import { copyBytes } from './copy-bytes.ts'
import { type Endpoint, MAPPED, toEndpoint } from './endpoint.ts'

/**
 * The header that a proxy puts before what a client sent: HAProxy's PROXY protocol, version 1 (a line of text) and 2 (binary),
 * https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt.
 */
export type ProxyHeader =
  /** The bytes do not begin as one. */
  | 'none'
  /** They begin as one, and there must be more. */
  | 'partial'
  /** They begin as one, and are none. */
  | 'broken'
  /** `bytes` long; `source` is where the client is, undefined where the proxy speaks for itself or does not know. */
  | { bytes: number; source: Endpoint | undefined }

/** Longest header that is read: version 2 may have 64 KiB of further fields, of which real ones take some hundred bytes. */
export const PROXY_HEADER_BYTES_MAX = 4096

const SIGNATURE_V1 = Buffer.from('PROXY ')
const SIGNATURE_V2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
/** Longest line of version 1, with its end. */
const LINE_BYTES_MAX = 107
const CR = 0x0d
const LF = 0x0a
/** Signature, version and command, family, length of the rest. */
const FIXED_BYTES = 16
const COMMAND = { local: 0x20, proxy: 0x21 } as const
/** The upper half of the family byte: the lower, stream or datagram, changes nothing of where a client is. */
const FAMILY = { ipv4: 1, ipv6: 2 } as const
/** Two addresses and two ports. */
const ADDRESSES_BYTES = { ipv4: 12, ipv6: 36 } as const

const UNKNOWN = /^PROXY UNKNOWN(?: |$)/
const IPV4 = Buffer.from('PROXY TCP4 ')
const IPV6 = /^PROXY TCP6 ([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/
/** Numbers of a line of IPv4: of two addresses and two ports. */
const NUMBERS = 10
const [ZERO, DOT, SPACE] = [0x30, 0x2e, 0x20]

/** Reads the header that bytes begin with. Never throws. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  switch (bytes[0]) {
    case SIGNATURE_V1[0]:
      return beginsAs(SIGNATURE_V1, bytes) ? readLine(bytes) : 'none'
    case SIGNATURE_V2[0]:
      return beginsAs(SIGNATURE_V2, bytes) ? readBinary(bytes) : 'none'
    default:
      return 'none'
  }
}

/** Whether bytes begin as a signature does, as far as they go. */
const beginsAs = (signature: Buffer, bytes: Buffer): boolean => {
  const length = Math.min(signature.length, bytes.length)
  return signature.compare(bytes, 0, length, 0, length) === 0
}

function readLine(bytes: Buffer): ProxyHeader {
  const end = endOfLine(bytes)
  if (end < 0) return bytes.length < LINE_BYTES_MAX ? 'partial' : 'broken'
  const length = end + 2
  // nginx says TCP of datagrams, too.
  const source = beginsAs(IPV4, bytes) ? readIpv4(bytes, end) : readIpv6(bytes.toString('latin1', 0, end))
  if (source) return { bytes: length, source }
  return UNKNOWN.test(bytes.toString('latin1', 0, end)) ? { bytes: length, source } : 'broken'
}

/** Where a line of version 1 ends; -1 where it does not in as many bytes as it may have. */
function endOfLine(bytes: Buffer): number {
  const last = Math.min(bytes.length, LINE_BYTES_MAX) - 1
  for (let at = SIGNATURE_V1.length; at < last; at++) if (bytes[at] === CR && bytes[at + 1] === LF) return at
  return -1
}

/** The source of a line of IPv4. By the byte: this is on the way of every datagram, and an expression takes five times as long. */
function readIpv4(bytes: Buffer, end: number): Endpoint | undefined {
  const source = Buffer.allocUnsafe(6)
  let at = IPV4.length
  for (let number = 0; number < NUMBERS; number++) {
    const from = at
    let value = 0
    for (let digit = digitAt(bytes, at); digit >= 0; digit = digitAt(bytes, at)) {
      value = value * 10 + digit
      at += 1
    }
    const isPort = number >= 8
    if (at === from || value > (isPort ? 65_535 : 255) || (at > from + 1 && bytes[from] === ZERO)) return undefined
    if (number < 4) source[number] = value
    if (number === 8) source.writeUInt16BE(value, 4)
    if (number === NUMBERS - 1) break
    if (bytes[at] !== (isPort || number % 4 === 3 ? SPACE : DOT)) return undefined
    at += 1
  }
  return at === end ? (source as Endpoint) : undefined
}

/** The digit there, or -1. */
function digitAt(bytes: Buffer, at: number): number {
  const digit = (bytes[at] as number) - ZERO
  return digit >= 0 && digit <= 9 ? digit : -1
}

function readIpv6(line: string): Endpoint | undefined {
  const [, from = '', to = '', fromPort = '', toPort = ''] = IPV6.exec(line) ?? []
  const isKnown = isIP(to) === 6 && Number(toPort) <= 65_535 && from.includes(':')
  return isKnown ? toEndpoint(from, Number(fromPort)) : undefined
}

function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < FIXED_BYTES) return 'partial'
  const command = bytes[12]
  const family = (bytes[13] as number) >> 4
  const rest = bytes.readUInt16BE(14)
  const length = FIXED_BYTES + rest
  if ((command !== COMMAND.local && command !== COMMAND.proxy) || length > PROXY_HEADER_BYTES_MAX) return 'broken'
  if (bytes.length < length) return 'partial'
  if (command === COMMAND.local) return { bytes: length, source: undefined }
  if (family === FAMILY.ipv4)
    return rest < ADDRESSES_BYTES.ipv4 ? 'broken' : { bytes: length, source: sourceOf(bytes, 4, 24) }
  if (family === FAMILY.ipv6)
    return rest < ADDRESSES_BYTES.ipv6 ? 'broken' : { bytes: length, source: sourceOf(bytes, 16, 48) }
  // A client of a Unix socket, or of no family that is named.
  return { bytes: length, source: undefined }
}

function sourceOf(bytes: Buffer, addressBytes: number, portAt: number): Endpoint {
  const isMapped = addressBytes === 16 && MAPPED.compare(bytes, FIXED_BYTES, FIXED_BYTES + MAPPED.length) === 0
  const skipped = isMapped ? MAPPED.length : 0
  const source = Buffer.allocUnsafe(addressBytes - skipped + 2)
  copyBytes(bytes, FIXED_BYTES + skipped, source, 0, addressBytes - skipped)
  copyBytes(bytes, portAt, source, addressBytes - skipped, 2)
  return source as Endpoint
}
