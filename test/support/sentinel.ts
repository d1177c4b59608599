import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { findRedis } from '../../services/cli/setup.mjs'
import { killAtExit, temporaryFolder } from './at-exit.ts'
import { type TlsFiles, tlsOptions, tlsSettings } from './certificates.ts'
import { freePort } from './free-port.ts'
import { until } from './redis.ts'

const NODES = 3
const SENTINELS = 3
const NAME = 'swarms'
/** A node of a busy machine is silent for half of that, and would be failed over from. */
const DOWN_AFTER_MS = 1000
const USERS = new URL('../../infra/redis/users.acl', import.meta.url).pathname

/** A Redis, or a Sentinel, of a set, and how to end it at once and to start it again as it was. */
export type SetMember = {
  port: number
  redis: Redis
  process: () => ChildProcess
  kill: () => Promise<void>
  start: () => void
}

/** A master with two replicas, and three Sentinels that watch them, all of a test's own. */
export type TestSentinels = {
  /** As REDSWARM_REDIS_URL has it. */
  url: string
  nodes: SetMember[]
  sentinels: SetMember[]
  /** The master by the word of the first Sentinel that lives. */
  master: () => Promise<SetMember>
  /** Waits until both other nodes replicate from the master, and all Sentinels know it. */
  settled: () => Promise<void>
  stop: () => Promise<void>
}

/** How to start one: passwords of Redis and of the Sentinels, and files of TLS. */
type Options = {
  password?: string
  sentinelPassword?: string
  tls?: TlsFiles
  /** Whether all are users of `infra/redis/users.acl`. */
  hasUsers?: boolean
  downAfterMs?: number
}

/** Starts a set, which takes 3 s: so often Sentinels tell of themselves. */
export async function startSentinels({
  password,
  sentinelPassword,
  tls,
  hasUsers = false,
  downAfterMs = DOWN_AFTER_MS,
}: Options = {}): Promise<TestSentinels> {
  const { path: folder, remove } = await temporaryFolder('sentinel')
  const server = (await findRedis({ install: false }))?.path ?? 'redis-server'
  const portOf = (port: number): string[] => {
    if (!tls) return ['port', `${port}`]
    return ['port', '0', 'tls-port', `${port}`, 'tls-replication', 'yes', ...tlsSettings(tls)]
  }
  const all: SetMember[] = []

  const startOne = async (
    port: number,
    settings: string[],
    own: string | undefined,
    args: string[] = [],
  ): Promise<SetMember> => {
    const dir = join(folder, `${port}`)
    await mkdir(dir)
    const file = join(dir, 'conf')
    const lines = ['bind', '127.0.0.1', 'dir', dir, ...portOf(port), ...(own ? ['requirepass', own] : []), ...settings]
    const text = Array.from({ length: lines.length / 2 }, (_, i) => `${lines[2 * i]} ${lines[2 * i + 1]}\n`).join('')
    await writeFile(file, text)
    let process: ChildProcess
    const start = (): void => {
      process = spawn(server, [file, ...args], { stdio: 'ignore' })
      killAtExit(process)
    }
    start()
    const redis = new Redis({
      ...{ port, protocol: 2, retryStrategy: () => 20, maxRetriesPerRequest: null, enableReadyCheck: false },
      ...(own && { password: own }),
      ...(hasUsers &&
        args.length === 0 && { username: 'operator', password: 'change-me-operator', disableClientInfo: true }),
      ...(tls && { tls: tlsOptions(tls) }),
    })
    redis.on('error', () => {})
    const kill = async (): Promise<void> => {
      if (process.exitCode !== null || process.signalCode !== null) return
      const gone = once(process, 'exit')
      process.kill('SIGKILL')
      await gone
    }
    const member = { port, redis, process: () => process, kill, start }
    all.push(member)
    await redis.ping()
    return member
  }

  const ports = await drawPorts(NODES + SENTINELS)
  const [firstPort = 0] = ports
  const nodeSettings = [
    'save',
    '""',
    'appendonly',
    'no',
    'repl-diskless-sync-delay',
    '0',
    ...(password ? ['masterauth', password] : []),
    ...(hasUsers ? ['aclfile', USERS, 'masteruser', 'replica', 'masterauth', 'change-me-replica'] : []),
  ]
  const nodes = await Promise.all(
    ports
      .slice(0, NODES)
      .map((port, i) =>
        startOne(port, [...nodeSettings, ...(i > 0 ? ['replicaof', `127.0.0.1 ${firstPort}`] : [])], password),
      ),
  )
  await until(
    'the replicas to be there',
    async () => (await nodes[0]?.redis.info())?.split('state=online').length === NODES,
  )
  const watched = [
    ...[
      'sentinel',
      `monitor ${NAME} 127.0.0.1 ${firstPort} 2`,
      'sentinel',
      `down-after-milliseconds ${NAME} ${downAfterMs}`,
    ],
    ...[
      'sentinel',
      `failover-timeout ${NAME} 2000`,
      ...(password ? ['sentinel', `auth-pass ${NAME} ${password}`] : []),
      ...(hasUsers
        ? ['sentinel', `auth-user ${NAME} sentinel`, 'sentinel', `auth-pass ${NAME} change-me-sentinel`]
        : []),
    ],
  ]
  const sentinels = await Promise.all(
    ports.slice(NODES).map((port) => startOne(port, watched, sentinelPassword, ['--sentinel'])),
  )

  const fieldsOf = async ({ redis }: SetMember): Promise<Record<string, string>> => {
    const pairs = (await redis.call('SENTINEL', 'MASTER', NAME)) as string[]
    return Object.fromEntries(Array.from({ length: pairs.length / 2 }, (_, i) => [pairs[2 * i], pairs[2 * i + 1]]))
  }
  const living = (): SetMember[] => sentinels.filter(({ process }) => process().signalCode === null)
  const master = async (): Promise<SetMember> => {
    const place = await living()[0]?.redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)
    return nodes.find(({ port }) => String(port) === (place as string[])[1]) as SetMember
  }
  const isSettled = async (): Promise<boolean> => {
    const { port, redis } = await master()
    const facts = await Promise.all(living().map(fieldsOf))
    return (
      facts.every(
        (fact) =>
          Number(fact.port) === port &&
          fact.flags === 'master' &&
          Number(fact['num-slaves']) === NODES - 1 &&
          Number(fact['num-other-sentinels']) === SENTINELS - 1,
      ) && (await redis.info()).split('state=online').length === NODES
    )
  }
  const settled = () => until('the set to be whole', isSettled, 20_000)
  await settled()
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')
  const scheme = `redis${tls ? 's' : ''}+sentinel`
  return {
    url: `${scheme}://${password ? `:${password}@` : ''}${hosts}/${NAME}${sentinelPassword ? `?sentinel_password=${sentinelPassword}` : ''}`,
    ...{ nodes, sentinels, master, settled },
    async stop() {
      for (const { redis } of all) redis.disconnect()
      await Promise.all(all.map(({ kill }) => kill()))
      await remove()
    },
  }
}

async function drawPorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}
