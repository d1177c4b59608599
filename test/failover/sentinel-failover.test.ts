import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { expect, it, onTestFinished } from 'vitest'
import { findRedis } from '../../services/cli/setup.mjs'
import { killAtExit, temporaryFolder } from '../support/at-exit.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const SERVED_MS_MAX = 1000

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

/** A master with a replica, and a Sentinel that puts the one in the place of the other after 2 s. */
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
      'sentinel down-after-milliseconds ours 2000\nsentinel failover-timeout ours 5000\n',
  )
  await start([file, '--sentinel'])
  const [replica, sentinel] = [clientOf(replicaPort), clientOf(sentinelPort)]
  await until('the replica to have all', async () => (await replica.info('replication')).includes('link_status:up'))
  await until('the Sentinel to know it', async () => `${await sentinel.info('sentinel')}`.includes('slaves=1'), 15_000)
  const isSwitched = async () =>
    ((await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'ours')) as string[])[1] === `${replicaPort}`
  return { url: `redis+sentinel://127.0.0.1:${sentinelPort}/ours`, master, isSwitched }
}

it.each([
  ['is killed', 'SIGKILL', 'failing over'],
  ['hangs', 'SIGSTOP', 'slow'],
] as const)(
  'where the master that Sentinels watch %s, the new one serves within a second',
  async (_, signal, text) => {
    const { url, master, isSwitched } = await startWatchedRedis()
    await withTracker(url, { roles: ['udp'] }, async ({ udpPort }) => {
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
      await until('the Sentinel to have another', isSwitched, 15_000)
      const switchedMs = performance.now()
      await until('service', async () => (await told()) === '')
      expect(performance.now() - switchedMs).toBeLessThan(SERVED_MS_MAX)
      await sleep(100)
      expect(await client.announce()).toMatchObject({ leechers: 1 })
      client.close()
    })
  },
  40_000,
)
