import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endpointText } from '../../lib/wire/endpoint.ts'
import { PROXY_HEADER_BYTES_MAX, readProxyHeader } from '../../lib/wire/proxy-header.ts'
import { headerLocal, headerV1, headerV2, withHead } from '../support/proxy-header.ts'

/** What a header says, as text; the words as they are. */
function read(bytes: Buffer | string) {
  const header = readProxyHeader(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  return typeof header === 'string' ? header : [header.bytes, header.source && endpointText(header.source)]
}

const CLIENTS = [
  { address: '198.51.100.7', port: 6881, text: '198.51.100.7:6881' },
  { address: '2001:db8::7', port: 1, text: '[2001:db8::7]:1' },
  // As a socket of both families knows a client of IPv4.
  { address: '::ffff:198.51.100.7', port: 65535, text: '198.51.100.7:65535' },
]
const LINE = 'PROXY TCP4 198.51.100.7 192.0.2.1 6881 6969\r\n'
const IPV4 = Buffer.from('c6336407c00002011ae11b39', 'hex')

describe('a header of the PROXY protocol', () => {
  it.each(CLIENTS)('of version 1 tells the client, $text', ({ text, ...client }) => {
    const header = headerV1(client)
    expect(read(Buffer.concat([header, Buffer.from('GET')]))).toEqual([header.length, text])
  })

  it.each(CLIENTS.flatMap((client) => [1, 2].map((transport) => ({ ...client, transport }))))(
    'of version 2 tells the client, $text, of a stream or a datagram ($transport)',
    ({ text, transport, ...client }) => {
      const header = headerV2(client, { transport, fields: Buffer.from('0400020000', 'hex') })
      expect(read(Buffer.concat([header, Buffer.from('GET')]))).toEqual([header.length, text])
    },
  )

  it('is bytes as the documents have them', () => {
    expect(read(LINE)).toEqual([45, '198.51.100.7:6881'])
    const signature = '0d0a0d0a000d0a515549540a'
    expect(read(Buffer.from(`${signature}2112000c${IPV4.toString('hex')}`, 'hex'))).toEqual([28, '198.51.100.7:6881'])
  })

  it.each<[name: string, bytes: Buffer]>([
    ['it knows nobody', Buffer.from('PROXY UNKNOWN\r\n')],
    ['it knows nobody, with addresses', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n')],
    ['it speaks for itself', headerLocal()],
    ['it speaks for itself, with addresses', headerLocal(IPV4)],
    ['the client is of a Unix socket', withHead(0x21, 0x31, Buffer.alloc(216))],
    ['the family has no name', withHead(0x21, 0, Buffer.alloc(3))],
  ])('tells no client where %s', (_name, bytes) => expect(read(bytes)).toEqual([bytes.length, undefined]))

  it.each([
    ...['PROXY TCP4\r\n', LINE.replace('TCP4', 'TCP6'), LINE.replace('TCP4', 'UDP4'), LINE.replace('TCP4', 'tcp4')],
    ...[LINE.replace('.7', '.256'), LINE.replace('.7', '.07'), LINE.replace('198.51', '::ffff:198.51')],
    ...[LINE.replace('6881', '65536'), LINE.replace('6881', '06881'), LINE.replace('6881', '')],
    ...[LINE.replace('6969', '70000'), LINE.replace('192.0.2.1', 'x'), LINE.replace('\r\n', ' \r\n')],
    ...[LINE.replace(' 198', '  198'), 'PROXY UNKNOWNS\r\n', `PROXY ${'1'.repeat(101)}`],
  ])('is broken: %j', (text) => expect(read(text)).toBe('broken'))

  it.each([
    ['a command that there is not', withHead(0x22, 0x11, IPV4)],
    ['another version', withHead(0x11, 0x11, IPV4)],
    ['half an address of IPv4', withHead(0x21, 0x11, IPV4.subarray(1))],
    ['half an address of IPv6', withHead(0x21, 0x21, Buffer.alloc(35))],
    ['more than is read', withHead(0x21, 0x11, Buffer.alloc(PROXY_HEADER_BYTES_MAX))],
  ])('is broken with %s', (_name, bytes) => expect(read(bytes)).toBe('broken'))

  it.each(['', 'GET / HTTP/1.1\r\n', 'PROPFIND', '\r\n\r\nGET', '\0\0\x04\x17\x27\x10\x19\x80', 'PROXX'])(
    'is none: %j',
    (bytes) => expect(read(bytes)).toBe('none'),
  )

  it('is partial up to its last byte', () => {
    for (const header of [...CLIENTS.map(headerV1), ...CLIENTS.map((client) => headerV2(client)), headerLocal()]) {
      for (let length = 1; length < header.length; length++) expect(read(header.subarray(0, length))).toBe('partial')
    }
  })

  it('is read of any bytes, and is no longer than they are', () => {
    const bytesArb = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.uint8Array({ maxLength: 80 }).map((rest) => withHead(0x21, 0x11, Buffer.from(rest))),
    )
    fc.assert(
      fc.property(bytesArb, (input) => {
        const header = readProxyHeader(Buffer.from(input))
        if (typeof header !== 'string') expect(header.bytes).toBeLessThanOrEqual(input.length)
      }),
    )
  })
})
