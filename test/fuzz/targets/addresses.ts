import assert from 'node:assert/strict'
import { BlockList, isIP, isIPv6 as isIpv6Text } from 'node:net'
import { listenText, parseListens } from '../../../lib/config/listen.ts'
import { makeCounters } from '../../../lib/observe/counters.ts'
import {
  addressText,
  type Endpoint,
  endpointFrom,
  endpointText,
  isIpv6,
  portOf,
  toEndpoint,
  withPort,
} from '../../../lib/wire/endpoint.ts'
import { type Network, networkText, parseNetworks } from '../../../lib/wire/network.ts'
import { PROXY_HEADER_BYTES_MAX, readProxyHeader } from '../../../lib/wire/proxy-header.ts'
import { makeHttpApp } from '../../../services/http/app.ts'
import type { Connections } from '../../../services/http/connections.ts'
import { latin1, makeReader, type Target } from '../target.ts'

const WORDS = [
  ...'127.0.0.1 ::1 ::ffff: 255.255.255.255 %eth0 %br-1a [::]: 0.0.0.0:6969 /8 /32 /128 10.0.0.0/8 fe80:: unknown'.split(
    ' ',
  ),
  ', ',
  ':65535',
]

const MAPPED = Buffer.from('00000000000000000000ffff', 'hex')
const ZONE = /%.+$/

function checkText(input: Buffer): void {
  const { u16, rest } = makeReader(input)
  const port = u16()
  const text = rest().toString('latin1')
  const endpoint = toEndpoint(text, port)
  assert.equal(endpoint !== undefined, isIP(text.replace(ZONE, '')) === 6 || isIP(text) === 4, 'as Node has it')
  if (!endpoint) return
  assert.equal(portOf(endpoint), port)
  assert.deepEqual(toEndpoint(addressText(endpoint), port), endpoint, 'the text of an address is that address')
  assert(!endpoint.subarray(0, 12).equals(MAPPED), 'an IPv4-mapped address is the IPv4 one')
  const own = proxiesOf([text.replace(ZONE, '')])
  assert(own.check(addressText(endpoint), isIpv6(endpoint) ? 'ipv6' : 'ipv4'), 'it is the address that Node reads')
  assert.equal(toEndpoint(text, 65536), undefined)
}

function checkBytes(input: Buffer): void {
  const endpoint = endpointFrom(input)
  assert.equal(endpoint !== undefined, input.length === 6 || input.length === 18)
  if (!endpoint) return
  assert.deepEqual(withPort(withPort(endpoint, 1), portOf(endpoint)), endpoint, 'only the port is changed')
  const text = addressText(endpoint)
  assert.equal(isIP(text), isIpv6(endpoint) ? 6 : 4)
  assert.equal(
    endpointText(endpoint),
    isIpv6(endpoint) ? `[${text}]:${portOf(endpoint)}` : `${text}:${portOf(endpoint)}`,
  )
  assert.deepEqual(toEndpoint(text, portOf(endpoint)), unmapped(endpoint))
}

/** An IPv4-mapped address is the IPv4 one. */
const unmapped = (endpoint: Endpoint): Buffer =>
  isIpv6(endpoint) && endpoint.subarray(0, 12).equals(MAPPED) ? endpoint.subarray(12) : endpoint

function checkListens(input: Buffer): void {
  const text = input.toString('latin1')
  const listens = parseListens(text)
  for (const { address, port } of listens ?? []) assert(isIP(address) !== 0 && port >= 0 && port <= 65535)
  if (listens) assert.deepEqual(parseListens(listens.map(listenText).join(',')), listens)
  const networks = parseNetworks(text)
  if (!networks) return
  const texts = networks.map(networkText)
  assert.deepEqual(parseNetworks(texts.join(',')), networks)
  assert.doesNotThrow(() => proxiesOf(texts), 'Node takes what we take')
}

/** Node's own list of addresses and networks; it throws where one is neither. */
function proxiesOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIpv6Text(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

const TRUSTED = ['127.0.0.1', '10.0.0.0/8', 'fd00::/8']
const trusted = proxiesOf(TRUSTED)
let found: { source: Endpoint | undefined } | undefined
const answer = async (_query: unknown, source: Endpoint | undefined): Promise<Buffer> => {
  found = { source }
  return Buffer.from('de')
}
/** Nothing is asked over a connection here. */
const anyConnections: Connections = {
  admit: () => true,
  mayWait: () => true,
  begin: () => undefined,
  end: () => {},
  open: () => 0,
}
const app = makeHttpApp(
  { announce: answer, scrape: answer, isHealthy: () => true },
  {
    trustedProxies: parseNetworks(TRUSTED.join(',')) as Network[],
    counters: makeCounters(),
    connections: anyConnections,
  },
)

/** The header as it is; asked from a trusted proxy, or with the highest bit of the first byte from elsewhere. */
async function checkForwarded(input: Buffer): Promise<void> {
  const isProxy = ((input[0] ?? 0) & 0x80) === 0
  // Node's parser lets no other control character into a header.
  const header = input.toString('latin1', 1).replace(CONTROLS, '')
  found = undefined
  await app.inject({
    url: '/announce',
    headers: { 'x-forwarded-for': header },
    remoteAddress: isProxy ? '127.0.0.1' : '198.51.100.9',
  })
  assert(found, 'the request is answered')
  const { source } = found as { source: Endpoint | undefined }
  if (!isProxy) {
    assert.equal(addressText(source as Endpoint), '198.51.100.9', 'only a proxy is believed')
    return
  }
  const hops = header.split(',').map((hop) => toEndpoint(hop.trim(), 0))
  const client = hops.findLast((hop) => !hop || !isTrusted(hop))
  assert.equal(source && addressText(source), client && addressText(client), 'the right-most that is no proxy')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]/g
const isTrusted = (endpoint: Endpoint): boolean =>
  trusted.check(addressText(endpoint), isIpv6(endpoint) ? 'ipv6' : 'ipv4')

/** A line of version 1 that tells a client, in one expression. */
const LINE = /^PROXY TCP([46]) ([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})\r\n/

/** The source that a line tells. */
function sourceInLine(line: string): Endpoint | undefined {
  const [whole, family, from = '', to = '', fromPort, toPort] = LINE.exec(line) ?? []
  const isKnown = [from, to].every((address) => String(isIP(address)) === family) && Number(toPort) <= 65_535
  return isKnown && (whole?.length ?? 0) <= 107 ? toEndpoint(from, Number(fromPort)) : undefined
}

function checkProxyHeader(input: Buffer): void {
  const header = readProxyHeader(input)
  const source = typeof header === 'object' ? header.source : undefined
  if (input[0] === 0x50) assert.deepEqual(source, sourceInLine(input.toString('latin1')), 'what its line tells')
  if (typeof header === 'string') {
    if (header === 'partial') assert(input.length < PROXY_HEADER_BYTES_MAX, 'no more is waited for than is read')
    return
  }
  assert(header.bytes > 0 && header.bytes <= Math.min(input.length, PROXY_HEADER_BYTES_MAX))
  assert.deepEqual(readProxyHeader(input.subarray(0, header.bytes)), header, 'what follows changes nothing')
  assert.equal(readProxyHeader(input.subarray(0, header.bytes - 1)), 'partial', 'less is not enough')
  if (header.source) assert.deepEqual(header.source, unmapped(header.source))
}

const SIGNATURE_V2 = '\r\n\r\n\0\r\nQUIT\n'

/** Addresses as text and as bytes, wherever they come from. */
export const addressTargets: readonly Target[] = [
  {
    name: 'address-text',
    holds: 'text is an address where Node says so, and comes through as the same address',
    inputBytesMax: 80,
    seeds: ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1', 'fe80::1%eth0', '01.2.3.4'].map((text) =>
      latin1(`\x1a\xe1${text}`),
    ),
    words: WORDS,
    check: checkText,
  },
  {
    name: 'address-bytes',
    holds: 'an endpoint of the wire comes through as text',
    inputBytesMax: 20,
    seeds: [
      Buffer.from('c00002011ae1', 'hex'),
      Buffer.from('20010db80000000000000000000000011ae1', 'hex'),
      Buffer.from('00000000000000000000ffffc00002011ae1', 'hex'),
    ],
    words: [],
    check: checkBytes,
  },
  {
    name: 'listens',
    holds: 'what a setting is read as, written and read again, is the same; Node takes every network',
    inputBytesMax: 200,
    seeds: ['0.0.0.0:6969,[::]:6969', '10.0.0.0/8, fd00::/8,192.0.2.1', '::ffff:10.0.0.1/120'].map(latin1),
    words: WORDS,
    check: checkListens,
  },
  {
    name: 'proxy-header',
    holds: 'a header of the PROXY protocol is as long as it says, and is read by its own bytes alone',
    inputBytesMax: 300,
    seeds: [
      'PROXY TCP4 198.51.100.7 192.0.2.1 6881 6969\r\n',
      'PROXY TCP6 2001:db8::7 ::1 6881 6969\r\nGET /',
      'PROXY UNKNOWN\r\n',
      `${SIGNATURE_V2}\x21\x11\0\x0c\xc6\x33\x64\x07\xc0\0\x02\x01\x1a\xe1\x1b\x39`,
      `${SIGNATURE_V2}\x21\x21\0\x24${'\x20'.repeat(36)}`,
      `${SIGNATURE_V2}\x20\0\0\0`,
    ].map(latin1),
    words: [SIGNATURE_V2, 'PROXY TCP4 ', 'PROXY TCP6 ', 'PROXY UNKNOWN', '\r\n', '\x21\x11\0\x0c', '\x20\0\0\0'],
    check: checkProxyHeader,
  },
  {
    name: 'forwarded',
    holds: 'a client is the right-most address of X-Forwarded-For that is no trusted proxy, or nobody',
    inputBytesMax: 300,
    seeds: ['203.0.113.1, 198.51.100.7, 10.1.2.3', '198.51.100.7', '::ffff:10.1.2.3', '', 'fd00::1'].flatMap((text) => [
      latin1(`\x00${text}`),
      latin1(`\x80${text}`),
    ]),
    words: WORDS,
    check: checkForwarded,
  },
]
