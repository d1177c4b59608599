import { spawn } from 'node:child_process'
import { makeKeys } from '../../../lib/store/keys.ts'
import { makePasskeyStore } from '../../../lib/store/passkeys.ts'
import type { Role } from '../../../services/roles.ts'
import { freePort } from '../../support/free-port.ts'
import { type Program, withProgram } from '../../support/program.ts'
import { startRedis, type TestRedis } from '../../support/redis.ts'
import { TOKEN } from '../../support/tracker.ts'
import { type Frontend, httpPlace, type Setup, type Setups, type Subject } from '../subject.ts'
import { type Host, type Listens, startHost } from './host.ts'

type Settings = Record<string, string>

const BOTH_FAMILIES = '127.0.0.1:0,[::1]:0'
/** Redswarm's own settings, but for the most peers in a reply: as many as fit a packet. */
const SETTINGS: Settings = {
  REDSWARM_UDP_LISTEN: BOTH_FAMILIES,
  REDSWARM_HTTP_LISTEN: BOTH_FAMILIES,
  REDSWARM_NUMWANT_MAX: '242',
}
const SHORT_LIFETIME: Settings = {
  REDSWARM_ANNOUNCE_INTERVAL_S: '1',
  REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1',
  REDSWARM_PEER_LIFETIME_S: '4',
  REDSWARM_SWEEP_INTERVAL_S: '1',
}
const MAPPED_IPV4: Settings = {
  REDSWARM_UDP_LISTEN: '[::ffff:127.0.0.1]:0',
  REDSWARM_HTTP_LISTEN: '[::ffff:127.0.0.1]:0',
}
const FRONTEND: readonly Role[] = ['udp', 'http', 'api']
const WITH_SWEEPER: readonly Role[] = [...FRONTEND, 'sweeper']

/** Starts Redswarm: two frontends on a Redis of their own. */
export async function startRedswarm(): Promise<Setup> {
  const host = startHost()
  const pair = await startPair(host, {})
  const stop = async () => {
    await pair.stop()
    await host.stop()
  }
  return { subject: { ...pair.subject, setups: setupsIn(host) }, stop }
}

const setupsIn = (host: Host): Subject['setups'] => ({
  shortConnectionIds: () => startPair(host, { REDSWARM_CONNECTION_ID_LIFETIME_S: '4' }),
  shortPeerLifetime: () => startPair(host, SHORT_LIFETIME, WITH_SWEEPER),
  listed: async () => {
    const setup = await startPair(host, { REDSWARM_LISTED: 'true' })
    const list = async (infoHash: Buffer) => {
      const hex = infoHash.toString('hex')
      await setup.redis.redis.sadd(`whitelist:{${hex.slice(0, 3)}}`, hex)
    }
    return { ...setup, list }
  },
  private: async () => {
    const setup = await startPair(host, { REDSWARM_PRIVATE: 'true' })
    const store = makePasskeyStore({ redis: setup.redis.redis, keys: makeKeys('') })
    return { ...setup, addKey: async (passkey, validUntilS) => void (await store.put({ passkey, validUntilS })) }
  },
  trustedProxies: () => startPair(host, { REDSWARM_TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8' }),
  mappedIpv4: () => startPair(host, MAPPED_IPV4),
  restart: startProcesses,
  ownStore: () => startWithStore(host),
  quiet: () => startPair(host, {}),
})

/** Two frontends on one Redis, each with its API. */
async function startPair(
  host: Host,
  settings: Settings,
  roles: readonly Role[] = FRONTEND,
  ...redisArgs: string[]
): Promise<Setup & { redis: TestRedis }> {
  const redis = await startRedis(...redisArgs)
  const start = () => host.start({ redisUrl: redis.url, roles, settings: { ...SETTINGS, ...settings } })
  const started = await Promise.all([start(), start()])
  const api = { url: `http://127.0.0.1:${started[0].listens.api[0]?.port}`, token: TOKEN }
  return {
    subject: { frontends: started.map(({ listens }) => frontendOf(listens)), api, setups: {} },
    redis,
    stop: async () => {
      await Promise.all(started.map(({ stop }) => stop()))
      await redis.stop()
    },
  }
}

function frontendOf({ udp: [udp4, udp6], http: [http4, http6] }: Listens): Frontend {
  return {
    ...(udp4 && { udp4: { host: '127.0.0.1', port: udp4.port } }),
    ...(udp6 && { udp6: { host: '::1', port: udp6.port } }),
    ...(http4 && { http4: httpPlace('127.0.0.1', http4.port) }),
    ...(http6 && { http6: httpPlace('::1', http6.port) }),
  }
}

/** A Redis that writes down what it is told before it answers. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

async function startWithStore(host: Host): Promise<Setups['ownStore']> {
  const setup = await startPair(host, {}, FRONTEND, ...DURABLE)
  let store = setup.redis.process
  const killStore = async () => {
    const gone = new Promise((resolve) => store.once('exit', resolve))
    store.kill('SIGKILL')
    await gone
  }
  return {
    ...setup,
    killStore,
    startStore: async () => {
      store = spawn(store.spawnfile, store.spawnargs.slice(1), { stdio: 'ignore' })
      await setup.redis.redis.ping()
    },
    stop: async () => {
      if (store.exitCode === null && store.signalCode === null) await killStore()
      await setup.stop()
    },
  }
}

/** Two frontends as their users run them, each a process, the first at ports that it has again after a restart. */
async function startProcesses(): Promise<Setups['restart']> {
  const redis = await startRedis(...DURABLE)
  const env = { ...SETTINGS, REDSWARM_REDIS_URL: redis.url }
  const [udpPort, httpPort] = [await freePort(), await freePort()]
  const first = {
    ...env,
    REDSWARM_UDP_LISTEN: `127.0.0.1:${udpPort}`,
    REDSWARM_HTTP_LISTEN: `127.0.0.1:${httpPort}`,
  }
  const running = await Promise.all([startProgram(first), startProgram(env)])
  const listens = await Promise.all(running.map(({ program }) => program.serving()))
  return {
    subject: { frontends: listens.map(frontendOf), setups: {} },
    kill: async () => void (await running[0].program.end('SIGKILL')),
    start: async () => {
      running[0] = await startProgram(first)
      await running[0].program.serving()
    },
    stop: async () => {
      await Promise.all(running.map(({ stop }) => stop()))
      await redis.stop()
    },
  }
}

/** The program, running until it is stopped. */
async function startProgram(env: Settings): Promise<{ program: Program; stop: () => Promise<void> }> {
  const started = Promise.withResolvers<Program>()
  const stopping = Promise.withResolvers<void>()
  const ended = withProgram(['up'], env, (program) => {
    started.resolve(program)
    return stopping.promise
  })
  ended.catch(started.reject)
  const stop = () => {
    stopping.resolve()
    return ended
  }
  return { program: await started.promise, stop }
}
