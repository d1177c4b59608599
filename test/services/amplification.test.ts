import { randomBytes, randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { agreeOnSecret } from '../../lib/store/secret.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { makeConnectionIds } from '../../lib/wire/connection-id.ts'
import { ACTION, writeAnnounceRequest, writeConnectRequest, writeScrapeRequest } from '../../lib/wire/udp-request.ts'
import { headerLocal, headerV1, headerV2 } from '../support/proxy-header.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

/** By hand: AMPLIFICATION_FUZZED=1000000. */
const FUZZED = Number(process.env.AMPLIFICATION_FUZZED ?? 4000)
const SECRET = 'a-secret-of-many-letters'
/** What an address may be told at once of ids that are not valid: more would hide what there is to see. */
const ERRORS_PER_ADDRESS = 9
/** By one up to the end of an announce, then by steps; then what no tracker reads as a whole. */
const LENGTHS = [
  ...Array.from({ length: 130 }, (_, i) => i),
  ...Array.from({ length: 148 }, (_, i) => 130 + 13 * i),
  ...[1471, 1472, 1473, 2047, 2048, 2049, 4096, 65_507],
]
const LENGTH_MAX = 2048
const [TRANSACTION_ID_AT, TRANSACTION_ID_END] = [12, 16]
const PACER_ID = 0xffff_ffff

type Kind = {
  name: string
  make: (connectionId: Buffer) => Buffer
  /** Whether it gets silence, however long it is. */
  isSilent?: boolean
}

const HEAD = { transactionId: 0 }
const announceWith = (urlData: string) => (connectionId: Buffer) =>
  writeAnnounceRequest({
    ...{
      ...HEAD,
      connectionId,
      infoHash: hashOf('a'),
      event: EVENT.started,
      key: 1,
      numwant: 200,
      port: 6881,
      urlData,
    },
    report: makeReport(Buffer.alloc(20, 'p'), 0n, 1000n, 0n),
  })
const announce = announceWith('')
const scrape = (connectionId: Buffer): Buffer =>
  writeScrapeRequest({ ...HEAD, connectionId, infoHashes: Array.from({ length: 74 }, () => hashOf('a')) })
/** A datagram of an action that a tracker does not serve. */
const actionOf = (action: number) => (connectionId: Buffer) => {
  const datagram = Buffer.concat([connectionId, Buffer.alloc(8)])
  datagram.writeUInt32BE(action, 8)
  return datagram
}
const behind = (header: Buffer, make: Kind['make'] = () => writeConnectRequest(0)): Kind['make'] => {
  return (connectionId) => Buffer.concat([header, make(connectionId)])
}
const HEADER = { address: '198.51.100.7', port: 1 }

const KINDS: Kind[] = [
  { name: 'connect', make: () => writeConnectRequest(0) },
  { name: 'connect with a wrong protocol id', make: actionOf(ACTION.connect), isSilent: true },
  { name: 'announce', make: announce },
  { name: 'announce with options', make: announceWith(`/announce/${'k'.repeat(600)}`) },
  {
    name: 'announce with an option that has no end',
    make: (id) => Buffer.concat([announce(id), Buffer.from([2, 255])]),
  },
  { name: 'scrape', make: scrape },
  { name: 'error as a request', make: actionOf(ACTION.error) },
  { name: 'unknown action', make: actionOf(0xffff_fffe) },
  ...[headerV1(HEADER), headerV2(HEADER), headerLocal(), Buffer.from('PROXY UNKNOWN\r\n')].flatMap((header, i) => [
    { name: `PROXY header ${i}, connect`, make: behind(header), isSilent: true },
    { name: `PROXY header ${i}, announce`, make: behind(header, announce), isSilent: true },
  ]),
]

const IDS = ['none', 'forged', 'of another address', 'expired'] as const
type IdKind = (typeof IDS)[number]

/** A datagram cut to a length, or with bytes after it. */
const ofLength = (datagram: Buffer, length: number): Buffer =>
  Buffer.concat([datagram.subarray(0, length), randomBytes(Math.max(0, length - datagram.length))])

/** Addresses of the loopback, each one new. */
function* addresses(): Generator<string, never> {
  for (let i = 0x10000; ; i++) yield `127.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`
}

/** What came back for each of some datagrams that were sent from one address, in bytes; each has its own transaction id there. */
async function replyBytes(trackerPort: number, datagrams: readonly Buffer[], from: string): Promise<number[]> {
  const socket = createSocket(from.includes(':') ? 'udp6' : 'udp4')
  socket.bind(0, from)
  await once(socket, 'listening')
  const replies: Buffer[] = []
  const paced = Promise.withResolvers<void>()
  socket.on('message', (reply) => {
    if (reply.length >= 8 && reply.readUInt32BE(4) === PACER_ID) paced.resolve()
    else replies.push(reply)
  })
  const address = from.includes(':') ? '::1' : '127.0.0.1'
  for (const datagram of datagrams) socket.send(datagram, trackerPort, address)
  // What nobody has to wait for is answered in the order in which it came.
  socket.send(writeConnectRequest(PACER_ID), trackerPort, address)
  await paced.promise
  socket.close()
  const bytes = datagrams.map(() => 0)
  for (const reply of replies) {
    const asked = datagrams.findIndex(
      (sent) =>
        sent.length >= TRANSACTION_ID_END &&
        sent.subarray(TRANSACTION_ID_AT, TRANSACTION_ID_END).equals(reply.subarray(4, 8)),
    )
    expect(asked, 'a reply answers a datagram').toBeGreaterThanOrEqual(0)
    bytes[asked] = (bytes[asked] as number) + reply.length
  }
  return bytes
}

describe('the UDP tracker, to whoever has not shown to be at their address,', () => {
  const server = useRedis()
  const withUdp = (test: (udpPort: number) => Promise<void>, listen = '127.0.0.1:0') =>
    withTracker(
      server().url,
      { roles: ['udp'], settings: { REDSWARM_SECRET: SECRET, REDSWARM_UDP_LISTEN: listen } },
      ({ udpPort }) => test(udpPort),
    )
  /** An id of this kind for a client at this address. */
  async function idMaker() {
    const secret = await agreeOnSecret(server().redis, makeKeys(''), SECRET)
    const [ids, nowS] = [makeConnectionIds({ secret, lifetimeS: 120 }), Date.now() / 1000]
    return (kind: IdKind, address: string): Buffer => {
      if (kind === 'none') return Buffer.alloc(8)
      if (kind === 'forged') return randomBytes(8)
      const isExpired = kind === 'expired'
      return Buffer.from(ids([at(isExpired ? address : '127.0.0.1')], nowS - (isExpired ? 3600 : 0)).issue(0))
    }
  }

  /** No swarm has come of it. */
  const nothingIsStored = async () => expect(await server().redis.keys('swarm:*')).toEqual([])

  /** The largest share of a request that came back, in bytes, and how many requests were answered at all. */
  function makeTally() {
    const tally = { factor: 0, answered: 0 }
    const add = (datagrams: readonly Buffer[], bytes: readonly number[]): void => {
      for (const [i, sent] of datagrams.entries()) {
        const came = bytes[i] as number
        expect(came, `to ${sent.length} bytes: ${sent.toString('hex', 0, 100)}`).toBeLessThanOrEqual(sent.length)
        if (came === 0) continue
        tally.answered += 1
        tally.factor = Math.max(tally.factor, came / sent.length)
      }
    }
    return { tally, add }
  }

  it.each(KINDS)('never sends more than came: $name, of every length', ({ make, isSilent = false }) =>
    withUdp(async (udpPort) => {
      const [idOf, from, { tally, add }] = [await idMaker(), addresses(), makeTally()]
      for (const kind of IDS) {
        for (let first = 0; first < LENGTHS.length; first += ERRORS_PER_ADDRESS) {
          const address = from.next().value
          const datagrams = LENGTHS.slice(first, first + ERRORS_PER_ADDRESS).map((length, i) => {
            const datagram = ofLength(make(idOf(kind, address)), length)
            if (!isSilent && length >= TRANSACTION_ID_END) datagram.writeUInt32BE(first + i, TRANSACTION_ID_AT)
            return datagram
          })
          add(datagrams, await replyBytes(udpPort, datagrams, address))
        }
      }
      expect(tally.answered > 0).toBe(!isSilent)
      expect(tally.factor).toBeLessThanOrEqual(1)
      await nothingIsStored()
    }),
  )

  it('never sends more than came: what chance made of requests', () =>
    withUdp(async (udpPort) => {
      const [idOf, from, { tally, add }] = [await idMaker(), addresses(), makeTally()]
      for (let first = 0; first < FUZZED; first += ERRORS_PER_ADDRESS) {
        const address = from.next().value
        const datagrams = Array.from({ length: ERRORS_PER_ADDRESS }, (_, i) => {
          const { make } = KINDS[randomInt(KINDS.length)] as Kind
          const whole = make(idOf(IDS[randomInt(IDS.length)] as IdKind, address))
          const datagram = ofLength(whole, randomInt(2) ? whole.length : randomInt(LENGTH_MAX))
          for (let flips = randomInt(8); flips > 0 && datagram.length > 0; flips--) {
            const at = randomInt(datagram.length)
            datagram[at] = (datagram[at] as number) ^ (1 << randomInt(8))
          }
          if (datagram.length >= TRANSACTION_ID_END) datagram.writeUInt32BE(first + i, TRANSACTION_ID_AT)
          return datagram
        })
        add(datagrams, await replyBytes(udpPort, datagrams, address))
      }
      console.log({ fuzzed: FUZZED, ...tally })
      expect(tally.factor).toBe(1)
      await nothingIsStored()
    }))

  it('never sends more than came over IPv6 either, nor more errors than are for a /64', () =>
    withUdp(async (udpPort) => {
      const [idOf, { tally, add }] = [await idMaker(), makeTally()]
      const answered = KINDS.filter(({ isSilent }) => !isSilent).map(({ make }) => make(idOf('expired', '::1')))
      const forged = Array.from({ length: 30 }, () => announce(idOf('forged', '::1')))
      const datagrams = [...answered, ...forged]
      for (const [i, datagram] of datagrams.entries()) datagram.writeUInt32BE(i, TRANSACTION_ID_AT)
      add(datagrams, await replyBytes(udpPort, datagrams, '::1'))
      expect(tally.factor).toBe(1)
      // All but the two that are shorter than their error, and ten of those that are forged.
      expect(tally.answered - (answered.length - 2)).toBeGreaterThanOrEqual(10)
      expect(tally.answered - (answered.length - 2)).toBeLessThan(15)
    }, '[::1]:0'))

  it('sends its one longest answer, 12.4 times what came, to who has a valid id and asks for all the peers there may be', () =>
    withUdp(async (udpPort) => {
      const peers = Array.from({ length: 300 }, (_, i) => announceOf({ endpoint: at('192.0.2.1', 1000 + i) }))
      await storeOn(server().redis).announce(peers)
      const client = await UdpClient.open(udpPort)
      await client.connect()
      const factorOf = async (request: Buffer): Promise<number> =>
        ((await client.exchange(request))?.length ?? 0) / request.length
      // 20 bytes and 200 peers for 98.
      expect(await factorOf(client.announceRequest({ numwant: 200 }))).toBeCloseTo(1220 / 98)
      expect(await factorOf(client.announceRequest({ numwant: 1000 }))).toBeCloseTo(1220 / 98)
      for (const hashes of [1, 74])
        expect(await factorOf(client.scrapeRequest(Array(hashes).fill(hashOf('a'))))).toBeLessThan(1)
      // Errors of 8 bytes and a text for the shortest requests that there are.
      for (const make of [actionOf(ACTION.error), actionOf(0xffff_fffe), actionOf(ACTION.scrape)])
        expect(await factorOf(make(client.connectionId))).toBeLessThan(2.5)
      client.close()
    }))
})
