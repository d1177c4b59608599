import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { findRedis } from '../../services/cli/setup.mjs'
import { killAtExit, temporaryFolder } from '../support/at-exit.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const SERVED_MS_MAX = 500

/** Starts a server that ends with the test. */
async function start(args: string[]) {
  const server = spawn((await findRedis({ install: false }))?.path ?? 'redis-server', args, { stdio: 'ignore' })
  killAtExit(server)
  onTestFinished(() => void server.kill('SIGKILL'))
  return server
}

function clientOf(port: number): Redis {
  const redis = new Redis({ port, protocol: 2, retryStrategy: () => 20, maxRetriesPerRequest: null })
  redis.on('error', () => {})
  onTestFinished(() => redis.disconnect())
  return redis
}

/** A master with a replica, and a Sentinel that puts the one in the place of the other after 3 s. */
async function startWatchedRedis() {
  const { path: folder, remove } = await temporaryFolder('sentinel')
  onTestFinished(remove)
  const [port, replicaPort, sentinelPort] = [await freePort(), await freePort(), await freePort()]
  const common = ['--bind', '127.0.0.1', '--dir', folder, '--save', '', '--repl-diskless-sync-delay', '0']
  const master = await start(['--port', `${port}`, ...common])
  await start(['--port', `${replicaPort}`, ...common, '--replicaof', '127.0.0.1', `${port}`])
  const file = join(folder, 'sentinel.conf')
  await writeFile(
    file,
    `port ${sentinelPort}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor ours 127.0.0.1 ${port} 1\n` +
      'sentinel down-after-milliseconds ours 3000\nsentinel failover-timeout ours 5000\n',
  )
  await start([file, '--sentinel'])
  const [replica, sentinel] = [clientOf(replicaPort), clientOf(sentinelPort)]
  await until('the replica to have all', async () => (await replica.info('replication')).includes('link_status:up'))
  await until('the Sentinel to know it', async () => `${await sentinel.info('sentinel')}`.includes('slaves=1'), 15_000)
  const isPromoted = async () => (await replica.role())[0] === 'master'
  return { url: `redis+sentinel://127.0.0.1:${sentinelPort}/ours`, master, replicaPort, isPromoted }
}

it.each([
  ['is killed', 'SIGKILL', 'failing over'],
  ['hangs', 'SIGSTOP', 'slow'],
] as const)(
  'where the master that Sentinels watch %s, the next one serves within half a second of its promotion',
  async (_, signal, text) => {
    const { url, master, replicaPort, isPromoted } = await startWatchedRedis()
    const lines: string[] = []
    const log = pino({ level: 'info' }, { write: (line) => lines.push(line) })
    await withTracker(url, { roles: ['udp'], log }, async ({ udpPort }) => {
      const client = await UdpClient.open(udpPort)
      await client.connect()
      await client.announce()
      master.kill(signal)
      const told = () =>
        client.announce().then(
          () => '',
          ({ message }: Error) => message,
        )
      await until(`a refusal for being ${text}`, async () => (await told()).includes(`store is ${text}`))
      await until('the replica to be promoted', isPromoted, 15_000)
      const promotedMs = performance.now()
      await until('service', async () => (await told()) === '')
      expect(performance.now() - promotedMs).toBeLessThan(SERVED_MS_MAX)
      await sleep(100)
      expect(await client.announce()).toMatchObject({ leechers: 1 })
      await until('the log to name the new one', () =>
        lines.join('').includes(`"redis":"ours at 127.0.0.1:${replicaPort}","msg":"Redis serves again"`),
      )
      client.close()
    })
  },
  40_000,
)
