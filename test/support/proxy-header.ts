import { isIPv6 } from 'node:net'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'

/** Where a proxy says that a client is. */
export type Client = { address: string; port: number }

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

/** A header of the PROXY protocol, version 1. */
export function headerV1({ address, port }: Client): Buffer {
  const isV6 = isIPv6(address)
  return Buffer.from(`PROXY TCP${isV6 ? 6 : 4} ${address} ${isV6 ? '::1' : '192.0.2.1'} ${port} 6969\r\n`)
}

/** A header of version 2, of a stream or a datagram, with fields behind the addresses. */
export function headerV2({ address, port }: Client, { transport = 1, fields = Buffer.alloc(0) } = {}): Buffer {
  const isV6 = isIPv6(address)
  const source = bytesOf(address, port)
  const target = bytesOf(isV6 ? '::1' : '192.0.2.1', 6969)
  const rest = Buffer.concat([
    source.subarray(0, -2),
    target.subarray(0, -2),
    source.subarray(-2),
    target.subarray(-2),
    fields,
  ])
  return withHead(0x21, (isV6 ? 0x20 : 0x10) | transport, rest)
}

/** A header of version 2 by which a proxy speaks for itself. */
export const headerLocal = (rest = Buffer.alloc(0)): Buffer => withHead(0x20, 0, rest)

/** A header of version 2 from its bytes: version and command, family and transport, what follows. */
export function withHead(command: number, family: number, rest: Buffer): Buffer {
  const head = Buffer.from([command, family, 0, 0])
  head.writeUInt16BE(rest.length, 2)
  return Buffer.concat([SIGNATURE, head, rest])
}

/** Also an IPv4-mapped address keeps its 16 bytes here. */
function bytesOf(address: string, port: number): Buffer {
  const endpoint = toEndpoint(address, port) as Endpoint
  const isMapped = isIPv6(address) && endpoint.length === 6
  return isMapped ? Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), endpoint]) : endpoint
}
