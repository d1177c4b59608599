// The cost of a page of torrents in Redis and in the API, and of an export to announces: `npm run bench:listing -- --help`.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { cpuSecondsOf } from '../../lib/observe/cpu.ts'
import { makeRandom } from '../../lib/random.ts'
import { fieldsOf } from '../../lib/store/check-server.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { type InfoHash, toInfoHash } from '../../lib/wire/info-hash.ts'
import { HttpClient } from '../support/http-client.ts'
import { withProgram } from '../support/program.ts'
import { startRedis } from '../support/redis.ts'
import { announceOf, storeOn } from '../support/store.ts'
import { TOKEN } from '../support/tracker.ts'
import { markdownTable } from './table.ts'

const { values } = parseArgs({
  options: {
    torrents: { type: 'string', default: '1000000' },
    pages: { type: 'string', default: '500' },
    limit: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    rate: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run bench:listing -- [--torrents N] [--pages N] [--limit N] [--seconds N] [--rounds N] [--rate N]
Redis's main thread, its longest command, the API's CPU time and latency for a page of each order at any depth; then the
latency of announces over UDP while nothing and while an export is under way, as fast as they go, or --rate a second.`)
  process.exit(0)
}

const torrents = Number(values.torrents)
const limit = Number(values.limit)
const random = makeRandom()
const infoHashOf = (i: number) => toInfoHash(createHash('sha1').update(`${i}`).digest()) as InfoHash
const anyHex = () => infoHashOf(Math.floor(random() * 2 ** 32)).toString('hex')
const headers = { authorization: `Bearer ${TOKEN}` }

/** So short a command is not looked at: a slow log of all would cost more than they do. */
const SLOW_US = 100

async function mainThreadUs(redis: Redis): Promise<number> {
  const info = fieldsOf(await redis.info('cpu'))
  return (Number(info.get('used_cpu_user_main_thread')) + Number(info.get('used_cpu_sys_main_thread'))) * 1e6
}

/** Torrents of one peer each, and a ranking. */
async function fill(redis: Redis): Promise<void> {
  const { announce } = storeOn(redis)
  for (let at = 0; at < torrents; at += 2048) {
    const some: StoredAnnounce[] = []
    for (let i = at; i < Math.min(at + 2048, torrents); i++)
      some.push(announceOf({ infoHash: infoHashOf(i), numwant: 0 }))
    await announce(some)
  }
  const ranked = Array.from({ length: Math.min(torrents, 10_000) }, (_, i) => ({
    hex: infoHashOf(i).toString('hex'),
    score: 1 + Math.floor(random() ** 4 * 500),
  }))
  await writeRanks(redis, makeKeys(''), 'seeders', ranked)
}

type Page = { redisUs: number; commandUs: number; longestUs: number; apiUs: number; p50Ms: number; p99Ms: number }

/** The 99th percentile of the command that takes longest. */
async function commandP99Us(redis: Redis): Promise<number> {
  const lines = (await redis.info('latencystats'))
    .split('\r\n')
    .filter((line) => /_(zscan|zrange|zcard|fcall):/.test(line))
  return Math.max(...lines.map((line) => Number(/p99=([\d.]+)/.exec(line)?.[1])))
}

/** Asks for pages one after another. `next`: the path, given the answer before. */
async function measure(redis: Redis, url: string, apiPid: number, next: (before: string) => string): Promise<Page> {
  const client = await HttpClient.open(url)
  const pages = Number(values.pages)
  let body = ''
  const ask = async () => {
    const { status, body: bytes } = await client.get(next(body), headers)
    body = bytes.toString()
    if (status !== 200) throw new Error(`HTTP ${status}: ${body}`)
  }
  for (let i = 0; i < 50; i++) await ask()
  await redis.slowlog('RESET')
  await redis.config('RESETSTAT')
  const [redisBefore, apiBefore] = [await mainThreadUs(redis), cpuSecondsOf(apiPid) ?? 0]
  const latenciesMs: number[] = []
  for (let i = 0; i < pages; i++) {
    const startMs = performance.now()
    await ask()
    latenciesMs.push(performance.now() - startMs)
  }
  const slow = (await redis.slowlog('GET', 1000)) as [number, number, number, string[]][]
  const ours = slow.filter(([, , , [command = '']]) => !/info|slowlog/i.test(command)).map(([, , us]) => us)
  const apiUs = (((cpuSecondsOf(apiPid) ?? 0) - apiBefore) * 1e6) / pages
  const redisUs = ((await mainThreadUs(redis)) - redisBefore) / pages
  client.close()
  latenciesMs.sort((a, b) => a - b)
  const at = (share: number) => latenciesMs[Math.min(pages - 1, Math.floor(share * pages))] as number
  return {
    redisUs,
    commandUs: await commandP99Us(redis),
    longestUs: Math.max(0, ...ours),
    apiUs,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  }
}

const followed = (path: string, parameter: string, start: () => string) => (before: string) => {
  const next = before === '' ? null : (JSON.parse(before).next as string | null)
  return `${path}&${parameter}=${next ?? start()}`
}

async function measurePages(redis: Redis, url: string, apiPid: number): Promise<void> {
  const list = `/api/v2/torrents?limit=${limit}`
  const ranked = `/api/v2/torrents/ranked?by=seeders&limit=${limit}`
  const kinds: [name: string, next: (before: string) => string][] = [
    ['ordered, after any info hash', () => `${list}&after=${anyHex()}`],
    ['ordered, page after page', followed(list, 'after', anyHex)],
    ['ordered, of 5 peers at least (none)', () => `${list}&after=${anyHex()}&min_peers=5`],
    ['ranked, first page', () => ranked],
    ...(['desc', 'asc'] as const).map((order): [string, (before: string) => string] => [
      `ranked, ${order}, page after page`,
      followed(`${ranked}&order=${order}`, 'cursor', () => `seeders.${order}.1.1.${anyHex()}`),
    ]),
    ...[0, 0.5, 0.99].map((depth): [string, (before: string) => string] => {
      const offset = Math.floor(torrents * depth)
      return [`v1, offset ${offset}`, () => `/api/v1/torrents?offset=${offset}&limit=${limit}`]
    }),
  ]
  const rows: string[][] = []
  for (const [name, next] of kinds) {
    const { redisUs, commandUs, longestUs, apiUs, p50Ms, p99Ms } = await measure(redis, url, apiPid, next)
    const longest = longestUs === 0 ? `< ${SLOW_US}` : `${longestUs}`
    rows.push([
      name,
      redisUs.toFixed(0),
      commandUs.toFixed(0),
      longest,
      apiUs.toFixed(0),
      p50Ms.toFixed(2),
      p99Ms.toFixed(2),
    ])
  }
  const head = ['page', 'Redis µs', 'a command, p99 µs', 'longest command µs', 'API CPU µs', 'p50 ms', 'p99 ms']
  console.log(markdownTable(head, rows))
}

type Load = { responsesPerS: number; lost: number; latencyMs: { p50: number; p99: number; max: number } }

/** Announces over UDP for some seconds; `during` is at work from when they are measured. */
async function load(port: number, during: (signal: AbortSignal) => Promise<void>): Promise<Load> {
  const rate = values.rate === undefined ? [] : ['--rate', values.rate]
  const shape = ['--torrents', '10000', '--peers', '20000', '--weights', '1:50:0', '--outstanding', '64']
  const args = ['services/main.ts', 'load', 'udp', `udp://127.0.0.1:${port}`, '--json', '--seconds', values.seconds]
  const child = spawn(process.execPath, [...args, ...shape, ...rate], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ending = new AbortController()
  let work = Promise.resolve()
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (/^loading$/m.test(text)) work = during(ending.signal)
    if (/^loaded$/m.test(text)) ending.abort()
  })
  const text = Buffer.concat(await child.stdout.toArray()).toString()
  ending.abort()
  await work
  return JSON.parse(text)
}

/** Exports again and again until it is told to stop; answers how long the whole ones took. */
async function exportAll(url: string, signal: AbortSignal, tookS: { push: (s: number) => void }): Promise<void> {
  while (!signal.aborted) {
    const startMs = performance.now()
    try {
      const response = await fetch(`${url}/api/v2/export`, { headers, signal })
      let lines = 0
      for await (const bytes of response.body ?? []) for (const byte of bytes) lines += Number(byte === 10)
      if (lines < torrents) throw new Error(`an export of ${lines} lines`)
      tookS.push((performance.now() - startMs) / 1000)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

async function measureExport(redisUrl: string, apiUrl: string): Promise<void> {
  const env = { REDSWARM_REDIS_URL: redisUrl, REDSWARM_API_TOKEN: TOKEN }
  await withProgram(['udp'], env, async (frontend) => {
    const port = (await frontend.serving()).udp[0]?.port as number
    const tookS: number[] = []
    const alone: number[] = []
    const ending = new AbortController()
    await exportAll(apiUrl, ending.signal, { push: (s: number) => void ending.abort(alone.push(s)) })
    const rows: string[][] = []
    for (let round = 1; round <= Number(values.rounds); round++) {
      const row = (name: string, { responsesPerS, lost, latencyMs: { p50, p99, max } }: Load) =>
        rows.push([name, responsesPerS.toFixed(0), `${lost}`, p50.toFixed(2), p99.toFixed(2), max.toFixed(1)])
      row(`${round}: nothing else`, await load(port, async () => {}))
      row(`${round}: exports`, await load(port, (signal) => exportAll(apiUrl, signal, tookS)))
    }
    console.log(markdownTable(['announces and', 'responses/s', 'lost', 'p50 ms', 'p99 ms', 'max ms'], rows))
    const times = (list: number[]) => list.map((s) => s.toFixed(1)).join(', ') || 'longer than that'
    console.log(`whole exports: ${times(alone)} s without load, ${times(tookS)} s under it`)
  })
}

const server = await startRedis('--slowlog-log-slower-than', `${SLOW_US}`, '--slowlog-max-len', '1000')
try {
  await fill(server.redis)
  console.log(`${torrents} torrents, pages of ${limit}, ${values.pages} pages each\n`)
  const env = { REDSWARM_REDIS_URL: server.url, REDSWARM_API_TOKEN: TOKEN, NODE_ENV: 'production' }
  await withProgram(['api'], env, async (api) => {
    const url = `http://127.0.0.1:${(await api.serving()).api[0]?.port}`
    await measurePages(server.redis, url, api.process.pid as number)
    await measureExport(server.url, url)
  })
} finally {
  await server.stop()
}
