import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findRedis } from '../../services/cli/setup.mjs'
import { killAtExit, temporaryFolder } from './at-exit.ts'
import { type TlsFiles, tlsOptions, tlsSettings } from './certificates.ts'
import { freePort } from './free-port.ts'
import { until } from './redis.ts'

const NODES = 3
const SLOTS = 16_384
/** A master waits up to 5 s, where its timeout is as long, before it says that all is well. */
const WHOLE_MS_MAX = 30_000

/** A node of a Cluster, a Redis of its own on a port of the loopback, and the slots that it begins and ends with. */
export type ClusterNode = {
  port: number
  redis: Redis
  /** The one that runs, or ran last. */
  readonly process: ChildProcess
  firstSlot: number
  lastSlot: number
  /** kill -9; resolves when it is gone. */
  kill: () => Promise<void>
  /** Starts it again: it knows the others, and has no keys. */
  start: () => void
}

/** A real Redis Cluster of a test's own: three masters with a third of the slots each. */
export type TestCluster = {
  /** As REDSWARM_REDIS_URL has it. */
  url: string
  nodes: ClusterNode[]
  /** Whether each node says that all is well, and knows all others. */
  isWhole: () => Promise<boolean>
  /** The node that a key is on. */
  nodeOf: (key: string | Buffer) => Promise<ClusterNode>
  /** Moves a slot with its keys to another node, as `redis-cli --cluster reshard` does; `during` runs when half of its keys are there. */
  moveSlot: (slot: number, to: ClusterNode, during?: () => Promise<void>) => Promise<void>
  stop: () => Promise<void>
}

/**
 * Starts a Cluster, which takes a little over 2 s: so long a master waits before it says that all is well. Arguments are
 * those of `redis-server`.
 */
export const startCluster = (...args: string[]): Promise<TestCluster> => startClusterOf(NODES, ...args)

/** The same, of so many masters. */
export const startClusterOf = (count: number, ...args: string[]): Promise<TestCluster> => startNodes(count, args)

/** The same, whose nodes and clients hear one another by TLS alone. */
export const startTlsCluster = (tls: TlsFiles): Promise<TestCluster> => startNodes(NODES, [], tls)

async function startNodes(count: number, args: readonly string[], tls?: TlsFiles): Promise<TestCluster> {
  const { path: folder, remove } = await temporaryFolder('cluster')
  const started = await Promise.all(Array.from({ length: count }, (_, i) => startNode(folder, i, count, args, tls)))
  const nodes = started.map(({ node }) => node)
  const [first] = nodes as [ClusterNode]
  await Promise.all(
    nodes.map(async ({ redis, firstSlot, lastSlot }, i) => {
      // Else all have the same, and first have to agree on who keeps it.
      await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
      await redis.call('CLUSTER', 'ADDSLOTSRANGE', firstSlot, lastSlot)
    }),
  )
  for (const { node, busPort } of started.slice(1)) {
    await first.redis.call('CLUSTER', 'MEET', '127.0.0.1', node.port, busPort)
  }
  const isWhole = async () =>
    (await Promise.all(nodes.map(({ redis }) => redis.cluster('INFO')))).every(
      (info) => info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`),
    )
  await until('the Cluster to be whole', isWhole, WHOLE_MS_MAX)
  const ownerOf = new Map<number, ClusterNode>()
  const nodeOfSlot = (slot: number): ClusterNode =>
    ownerOf.get(slot) ?? (nodes.find(({ lastSlot }) => slot <= lastSlot) as ClusterNode)
  return {
    url: `redis${tls ? 's' : ''}+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    ...{ nodes, isWhole },
    nodeOf: async (key) => nodeOfSlot(Number(await first.redis.call('CLUSTER', 'KEYSLOT', key))),
    async moveSlot(slot, to, during = async () => {}) {
      const from = nodeOfSlot(slot)
      if (from === to) return
      const [fromId, toId] = await Promise.all([from, to].map(({ redis }) => redis.call('CLUSTER', 'MYID')))
      await to.redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId as string)
      await from.redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId as string)
      await migrate(from, to, slot, Math.ceil(Number(await from.redis.call('CLUSTER', 'COUNTKEYSINSLOT', slot)) / 2))
      await during()
      await migrate(from, to, slot, Number.POSITIVE_INFINITY)
      for (const { redis } of [to, from, ...nodes]) await redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId as string)
      ownerOf.set(slot, to)
    },
    async stop() {
      await Promise.all(started.map(({ stop }) => stop()))
      await remove()
    },
  }
}

/** Moves keys of a slot, at most so many; one at a time, so that others come between. */
async function migrate(from: ClusterNode, to: ClusterNode, slot: number, most: number): Promise<void> {
  for (let moved = 0; moved < most; moved++) {
    const [key] = (await from.redis.callBuffer('CLUSTER', ['GETKEYSINSLOT', slot, 1])) as Buffer[]
    if (!key) return
    await from.redis.call('MIGRATE', '127.0.0.1', to.port, key, 0, 5000)
  }
}

/** Starts a node that knows no other: the so many-th of those that keep their files in a folder, of so many masters. */
export async function startNode(folder: string, i: number, count: number, more: readonly string[], tls?: TlsFiles) {
  const [port, busPort] = [await freePort(), await freePort()]
  const settings = {
    ...(tls ? { port: 0, 'tls-port': port, 'tls-cluster': 'yes', 'tls-replication': 'yes' } : { port }),
    ...{
      'cluster-port': busPort,
      'cluster-announce-ip': '127.0.0.1',
      bind: '127.0.0.1',
      dir: folder,
      dbfilename: `${i}.rdb`,
      appenddirname: `${i}`,
    },
    ...{
      'cluster-enabled': 'yes',
      'cluster-config-file': join(folder, `nodes-${i}.conf`),
      'cluster-node-timeout': 2000,
    },
    ...{ save: '', appendonly: 'no' },
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`])
  if (tls) args.push(...tlsSettings(tls).map((word, k) => (k % 2 === 0 ? `--${word}` : word)))
  const command = (await findRedis({ install: false }))?.path ?? 'redis-server'
  let server: ChildProcess
  const start = (): void => {
    server = spawn(command, [...args, ...more], { stdio: 'ignore' })
    killAtExit(server)
  }
  start()
  const redis = new Redis({
    ...{ port, protocol: 2, retryStrategy: () => 20, maxRetriesPerRequest: null },
    ...(tls && { tls: tlsOptions(tls) }),
  })
  redis.on('error', () => {})
  await redis.ping()
  const firstSlot = Math.ceil((i * SLOTS) / count)
  const lastSlot = Math.ceil(((i + 1) * SLOTS) / count) - 1
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    const gone = once(server, 'exit')
    server.kill('SIGKILL')
    await gone
  }
  const stop = async () => {
    redis.disconnect()
    await kill()
  }
  const node: ClusterNode = {
    ...{ port, redis, firstSlot, lastSlot, kill, start },
    get process() {
      return server
    },
  }
  return { node, busPort, stop }
}
