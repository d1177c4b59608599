// What a tracker takes of memory, files and network, by the bytes: `npm run bench:sizes -- --help`.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { Redis } from 'ioredis'
import { tableOf } from '../../lib/observe/table.ts'
import { makeRandom } from '../../lib/random.ts'
import { fieldsOf } from '../../lib/store/check-server.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { toEndpoint } from '../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { makeLoad, nextEvent } from '../../services/load/shape.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { startRedis, until } from '../support/redis.ts'
import { announceOf, storeOn } from '../support/store.ts'
import { usedBytes } from './repository/measure.ts'
import { figure } from './table.ts'

const { values } = parseArgs({
  options: {
    peers: { type: 'string', default: '200000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run bench:sizes -- [--peers N] [--json]
Bytes of Redis's memory per torrent and per peer, of the append-only file per announce, and of Redis's network per announce: the figures
of redswarm plan (services/cli/plan/figures.ts). No times, so that a busy machine changes nothing.`)
  process.exit(0)
}

const AT_ONCE = 64 * 16
/** Peers that an announce of a large swarm asks for. */
const WANTED = 50
const IPV4_PEER_BYTES = 6
const one = randomBytes(20) as InfoHash
const peers = Number(values.peers)

async function announceAll(store: ReturnType<typeof storeOn>, announces: readonly StoredAnnounce[]): Promise<void> {
  for (let i = 0; i < announces.length; i += AT_ONCE)
    for (const reply of await store.announce(announces.slice(i, i + AT_ONCE)))
      if (!reply.ok) throw new Error(`refused: ${reply.refusal}`)
}

const ipv4 = (i: number) => toEndpoint(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, 6881)
const ipv6 = (i: number) => toEndpoint(`2001:db8::${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}`, 6881)

/** Bytes for each of so many peers in as many torrents as `hashOf` gives. */
async function memoryOf(peerDetails: boolean, endpointOf: typeof ipv4, hashOf: () => InfoHash): Promise<number> {
  const server = await startRedis()
  try {
    const store = storeOn(server.redis, { peerDetails })
    // Scripts are loaded, and shards have their keys.
    const few = Array.from({ length: 20_000 }, (_, i) =>
      announceOf({ infoHash: randomBytes(20) as InfoHash, endpoint: ipv4(i) as never, numwant: 30 }),
    )
    await announceAll(store, few)
    const before = await usedBytes(server.redis)
    const announces = Array.from({ length: peers }, (_, i) =>
      announceOf({
        infoHash: hashOf(),
        endpoint: endpointOf(i) as never,
        isSeeder: i % 4 > 0,
        event: EVENT.started,
        numwant: 30,
      }),
    )
    await announceAll(store, announces)
    return ((await usedBytes(server.redis)) - before) / peers
  } finally {
    await server.stop()
  }
}

async function bytesOf(redis: Redis, section: string, field: string): Promise<number> {
  return Number(fieldsOf(await redis.info(section)).get(field))
}

/** Bytes that Redis sends for an announce in a large swarm, next to those of the peers. */
async function repliesOf(peerDetails: boolean): Promise<number> {
  const server = await startRedis()
  try {
    const store = storeOn(server.redis, { peerDetails })
    const announces = Array.from({ length: peers }, (_, i) =>
      announceOf({ infoHash: one, endpoint: ipv4(i) as never, numwant: WANTED }),
    )
    await announceAll(store, announces)
    const sent = () => bytesOf(server.redis, 'stats', 'total_net_output_bytes')
    const before = await sent()
    await announceAll(store, announces)
    return ((await sent()) - before) / peers - WANTED * IPV4_PEER_BYTES
  } finally {
    await server.stop()
  }
}

/** Bytes of file and network per announce of the load's mix, once all peers are there. */
async function flowOf(peerDetails: boolean) {
  const server = await startRedis('--appendonly', 'yes', '--auto-aof-rewrite-percentage', '0')
  const { redis } = server
  try {
    const random = makeRandom()
    const store = storeOn(redis, { peerDetails })
    const load = makeLoad(peers / 2, peers, random, (i) => `10.0.${(i >> 8) & 255}.${i & 255}`)
    const toAnnounce = (i: number, event: StoredAnnounce['event']): StoredAnnounce => ({
      ...(load[i] as (typeof load)[number]),
      ...{ event, numwant: 30, wantsPeerIds: false, passkey: '' },
    })
    await announceAll(
      store,
      load.map((_, i) => toAnnounce(i, EVENT.started)),
    )
    const look = async () => ({
      file: await bytesOf(redis, 'persistence', 'aof_current_size'),
      in: await bytesOf(redis, 'stats', 'total_net_input_bytes'),
    })
    const before = await look()
    const announces = Array.from({ length: peers }, () => {
      const i = Math.floor(random() * peers)
      return toAnnounce(i, nextEvent(load[i] as (typeof load)[number], random))
    })
    await announceAll(store, announces)
    const after = await look()
    const memory = await usedBytes(redis)
    await redis.bgrewriteaof()
    await until(
      'the file to be rewritten',
      async () => (await bytesOf(redis, 'persistence', 'aof_rewrite_in_progress')) === 0,
      60_000,
    )
    const base = await bytesOf(redis, 'persistence', 'aof_base_size')
    const each = (name: keyof typeof before): number => (after[name] - before[name]) / peers
    return { file: each('file'), in: each('in'), baseToMemory: base / memory }
  } finally {
    await server.stop()
  }
}

exitOnSignals()
const rows: [what: string, figures: Record<'details' | 'without', number>][] = []
for (const [what, measure] of [
  ['a torrent with one peer, bytes', (details: boolean) => memoryOf(details, ipv4, () => randomBytes(20) as InfoHash)],
  ['a peer of a large swarm, IPv4, bytes', (details: boolean) => memoryOf(details, ipv4, () => one)],
  ['a peer of a large swarm, IPv6, bytes', (details: boolean) => memoryOf(details, ipv6, () => one)],
  ['network out of Redis per announce, but for the peers, bytes', repliesOf],
] as const)
  rows.push([what, { details: await measure(true), without: await measure(false) }])
const [details, without] = [await flowOf(true), await flowOf(false)]
for (const [what, name] of [
  ['append-only file per announce, bytes', 'file'],
  ['network into Redis per announce, bytes', 'in'],
  ['a rewritten append-only file, of the memory', 'baseToMemory'],
] as const)
  rows.push([what, { details: details[name], without: without[name] }])
if (values.json) console.log(JSON.stringify(Object.fromEntries(rows)))
else
  console.log(
    tableOf(
      ['', 'with details', 'without'],
      rows.map(([what, figures]) => [what, figure(figures.details), figure(figures.without)]),
    ).join('\n'),
  )
