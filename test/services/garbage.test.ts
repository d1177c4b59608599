import { spawn } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { type InfoHash, toInfoHash } from '../../lib/wire/info-hash.ts'
import { encodeBytes } from '../../lib/wire/query.ts'
import { writeConnectRequest } from '../../lib/wire/udp-request.ts'
import { announce, announceTarget, HttpClient, type HttpResponse } from '../support/http-client.ts'
import { until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { UdpClient } from '../support/udp-client.ts'

/** By hand: GARBAGE_DATAGRAMS=1000000 GARBAGE_HTTP_REQUESTS=100000; GARBAGE_SEED to see a failure again. */
const DATAGRAMS = Number(process.env.GARBAGE_DATAGRAMS ?? 20_000)
const HTTP_REQUESTS = Number(process.env.GARBAGE_HTTP_REQUESTS ?? 2000)
const SEED = process.env.GARBAGE_SEED ?? String(Date.now())
/** Datagrams sent before an answer is waited for: even the longest fit a socket's buffer. */
const BURST = 64
const HTTP_CLIENTS = 8
/** What garbage may leave behind on the heap: nothing grows with the number of requests. */
const HEAP_GROWTH_BYTES_MAX = 4 * 2 ** 20
/** V8 keeps some of what it had to take at a peak: after 30,000 HTTP requests, the process grows no more. */
const RESIDENT_GROWTH_BYTES_MAX = 192 * 2 ** 20

/** Random numbers that follow from a seed. */
function makeRandom(seed: string) {
  const stream = createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), Buffer.alloc(16))
  const bytes = (length: number): Buffer => stream.update(Buffer.alloc(length))
  const below = (limit: number): number => bytes(4).readUInt32LE() % limit
  const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)] as T
  return { bytes, below, pick }
}
type Random = ReturnType<typeof makeRandom>

/** A tracker in a process of its own, so that its memory is its own. */
const PROGRAM = `
  import { startTracker } from ${JSON.stringify(new URL('../support/tracker.ts', import.meta.url).href)}
  const { udpPort, httpUrl, stop } = await startTracker(process.env.REDIS_URL, { roles: ['udp', 'http'] })
  process.on('message', () => {
    gc()
    const { rss, heapUsed, external } = process.memoryUsage()
    process.send({ residentBytes: rss, heapBytes: heapUsed + external })
  })
  process.on('disconnect', () => stop().then(() => process.exit()))
  process.send({ udpPort, httpUrl })`

type Memory = { residentBytes: number; heapBytes: number }
type Tracker = { udpPort: number; httpUrl: string; memory: () => Promise<Memory> }

async function withTrackerProcess(redisUrl: string, test: (tracker: Tracker) => Promise<void>): Promise<void> {
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '--eval', PROGRAM], {
    env: { PATH: process.env.PATH, REDIS_URL: redisUrl },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const message = async () => (await once(child, 'message'))[0]
  try {
    const memory = (): Promise<Memory> => {
      child.send('memory?')
      return message()
    }
    await test({ ...(await message()), memory })
  } finally {
    child.disconnect()
    await once(child, 'exit')
  }
}

/** Bytes with some of their bits flipped, cut off, or with more after them. */
function mutate(random: Random, bytes: Buffer): Buffer {
  switch (random.below(3)) {
    case 0:
      for (let i = random.below(8); i >= 0; i--) {
        const at = random.below(bytes.length)
        bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
      }
      return bytes
    case 1:
      return bytes.subarray(0, random.below(bytes.length))
    default:
      return Buffer.concat([bytes, random.bytes(random.below(1000))])
  }
}

function makeDatagram(random: Random, client: UdpClient): Buffer {
  if (random.below(2) === 0) return random.bytes(random.below(2001))
  const kind = random.below(3)
  const named = random.below(2) === 0 ? {} : { infoHash: toInfoHash(random.bytes(20)) as InfoHash }
  const request =
    kind === 0
      ? writeConnectRequest(client.nextTransactionId())
      : kind === 1
        ? client.announceRequest({ port: 1 + random.below(65_535), left: BigInt(random.below(2)), ...named })
        : client.scrapeRequest([hashOf('a'), hashOf('b')])
  if (random.below(4) === 0) random.bytes(8).copy(request)
  return mutate(random, request)
}

/** What announces that are valid by BEP 15 leave behind: peers' ports by info hash. */
class Expected {
  readonly swarms = new Map<string, Set<number>>()

  datagram(bytes: Buffer, connectionId: Buffer): void {
    if (bytes.length < 98 || !bytes.subarray(0, 8).equals(connectionId) || bytes.readUInt32BE(8) !== 1) return
    const [hex, port] = [bytes.toString('hex', 16, 36), bytes.readUInt16BE(96)]
    if (bytes.readUInt32BE(80) === 3) this.swarms.get(hex)?.delete(port)
    else if (port !== 0) this.add(hex, port)
  }

  add(hex: string, ...ports: number[]): void {
    const known = this.swarms.get(hex) ?? new Set()
    for (const port of ports) known.add(port)
    this.swarms.set(hex, known)
  }

  /** Fails where a key is there that none of them made, or one is missing; answers how many keys there are. */
  compare(keys: string[]): number {
    const shards = new Set([...this.swarms.keys()].map((hex) => hex.slice(0, 3)))
    const isExpected = (key: string) => {
      if (/^(schema|secret|stats|instances|events|sweeper|counted|\{stats\}:flush:[0-9a-f-]{36})$/.test(key))
        return true
      const [, shard = '', hex] = /^(?:torrents:|totals:|swarm:)\{(...)\}(?::([0-9a-f]{40})(?::.+)?)?$/.exec(key) ?? []
      return hex === undefined ? shards.has(shard) : hex.startsWith(shard) && this.swarms.has(hex)
    }
    expect(keys.filter((key) => !isExpected(key))).toEqual([])
    const found = new Set(keys)
    const living = [...this.swarms].filter(([, ports]) => ports.size > 0)
    expect(living.filter(([hex]) => !found.has(`swarm:{${hex.slice(0, 3)}}:${hex}`))).toEqual([])
    return keys.length
  }
}

/** An announce's target that something was done to. */
function makeTarget(random: Random): string {
  const names = ['info_hash', 'peer_id', 'port', 'uploaded', 'downloaded', 'left', 'numwant', 'event', 'compact']
  const huge = () => random.pick(['9', 'a', '%41', '-', '%00']).repeat(random.below(6000))
  const values = ['', '%', '%z', '%4', '-1', '1e9', '0x1', '18446744073709551616', '%ff%fe', '\xff', ' ', '&', '#', '=']
  const name = random.pick(names)
  const own = { info_hash: encodeBytes(random.bytes(20)), port: 1 + random.below(65_535) }
  const make = random.pick([
    () => announceTarget({ ...own, [name]: undefined }),
    () => announceTarget({ ...own, [name]: random.pick(values) }),
    () => announceTarget({ ...own, [name]: huge() }),
    () => `${announceTarget(own)}&${name}=${random.pick(values)}`,
    () => `${announceTarget(own)}&${huge()}=${huge()}`,
    () => mutate(random, Buffer.from(announceTarget(own))).toString('latin1'),
  ])
  return make()
}

/** `isWhole`: it is a request, whatever its target; else only bytes. */
type HttpRequest = { bytes: Buffer; isWhole: boolean }
function makeHttpRequest(random: Random): HttpRequest {
  const kind = random.below(4)
  if (kind === 0) return { bytes: random.bytes(random.below(2001)), isWhole: false }
  const whole = Buffer.from(`GET ${makeTarget(random)} HTTP/1.1\r\nhost: tracker.test\r\n\r\n`, 'latin1')
  return kind === 1 ? { bytes: mutate(random, whole), isWhole: false } : { bytes: whole, isWhole: true }
}

/** The one info hash that a request names, as hex; empty where it names none, or several, or anything else. */
function namedHash(request: string): string {
  const [named, another] = [...request.matchAll(/[?&]info_hash=([^& ]*)/g)]
  const text = named?.[1]?.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return text?.length === 20 && !another ? Buffer.from(text, 'latin1').toString('hex') : ''
}

type Send = (count: number) => Promise<unknown>
describe('a tracker that is sent garbage', () => {
  const server = useRedis()
  /** Sends garbage, the first tenth of it to warm up; then the tracker must serve, and memory and keys be in order. */
  async function survive(tracker: Tracker, expected: Expected, count: number, send: Send): Promise<void> {
    await send(count / 10)
    const before = await tracker.memory()
    const told = await send(count - count / 10)
    const after = await tracker.memory()
    const udp = await UdpClient.open(tracker.udpPort)
    await udp.connect()
    expect(await udp.announce({ infoHash: hashOf('c'), port: 7001 })).toMatchObject({ leechers: 1 })
    udp.close()
    expected.add(hashOf('c').toString('hex'), 7001)
    expect(await announce(tracker.httpUrl, { info_hash: '%dd'.repeat(20) })).toMatchObject({ incomplete: 1 })
    expected.add('dd'.repeat(20), 6881)
    const keys = expected.compare(await server().redis.keys('*'))
    console.log({ seed: SEED, count, keys, told, before, after })
    expect(after.heapBytes - before.heapBytes).toBeLessThan(HEAP_GROWTH_BYTES_MAX)
    expect(after.residentBytes - before.residentBytes).toBeLessThan(RESIDENT_GROWTH_BYTES_MAX)
  }

  const surviveDatagrams = (count: number) =>
    withTrackerProcess(server().url, async (tracker) => {
      const [random, expected] = [makeRandom(SEED), new Expected()]
      // Paced by a client of its own: a transaction id in which a bit was flipped may be the next of the same client.
      const [client, pacer] = [await UdpClient.open(tracker.udpPort), await UdpClient.open(tracker.udpPort)]
      let sent = 0
      await survive(tracker, expected, count, async (some) => {
        sent += some + Math.ceil(some / BURST)
        for (let i = 0; i < some; i++) {
          if (i % BURST === 0) await pacer.connect()
          client.connectionId = pacer.connectionId
          const datagram = makeDatagram(random, client)
          expected.datagram(datagram, client.connectionId)
          client.send(datagram)
        }
        let counters: [string, string][] = []
        await until('each datagram to be counted, once', async () => {
          counters = Object.entries(await server().redis.hgetall('stats')).filter(([name]) => name.startsWith('udp'))
          return counters.reduce((sum, [, value]) => sum + Number(value), 0) === sent
        })
        return Object.fromEntries(counters)
      })
      for (const open of [client, pacer]) open.close()
    })

  const surviveHttp = (count: number) =>
    withTrackerProcess(server().url, async (tracker) => {
      const expected = new Expected()
      const told: Record<string, number> = {}
      const note = (request: HttpRequest, response: HttpResponse | undefined): void => {
        const isServed = response?.status === 200 && response.body.includes('8:complete')
        const outcome = isServed ? 'served' : String(response?.status ?? 'no answer')
        told[outcome] = 1 + (told[outcome] ?? 0)
        expect(response?.status ?? (request.isWhole ? Number.NaN : 0)).toBeLessThan(500)
        const text = request.bytes.toString('latin1')
        const hex = namedHash(text)
        if (isServed) expect([hex.length, /[?&]port=\d{1,5}[& ]/.test(text)]).toEqual([40, true])
        // Bytes may hold a valid request, which is applied though its answer is cut off: by what follows, or by the end.
        if (isServed || !request.isWhole) expected.add(hex, ...(isServed ? [0] : []))
      }
      const sendSome = async (random: Random, some: number): Promise<void> => {
        let kept: HttpClient | undefined
        for (let i = 0; i < some; i++) {
          const request = makeHttpRequest(random)
          const client = (request.isWhole && kept) || (await HttpClient.open(tracker.httpUrl))
          client.send(request.bytes)
          if (!request.isWhole) client.end()
          const response = await client.receive().catch(() => undefined)
          note(request, response)
          if (request.isWhole) kept = response?.headers.connection === 'keep-alive' ? client : undefined
          if (kept !== client) client.close()
        }
        kept?.close()
      }
      const randoms = Array.from({ length: HTTP_CLIENTS }, (_, i) => makeRandom(`${SEED}/${i}`))
      await survive(tracker, expected, count, async (some) => {
        await Promise.all(randoms.map((random) => sendSome(random, some / HTTP_CLIENTS)))
        return told
      })
    })

  it('serves on after datagrams of all kinds', () => surviveDatagrams(DATAGRAMS), 60_000 + DATAGRAMS)
  it('serves on after HTTP requests of all kinds', () => surviveHttp(HTTP_REQUESTS), 60_000 + 20 * HTTP_REQUESTS)
})
