import { execFileSync, spawn } from 'node:child_process'
import { readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findRedis } from '../../services/cli/setup.mjs'
import { call } from '../support/api.ts'
import { killAtExit, temporaryFolder } from '../support/at-exit.ts'
import { runCli } from '../support/cli.ts'
import { startCluster } from '../support/cluster.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/redis.ts'
import { startSentinels } from '../support/sentinel.ts'
import { connected, overUdp } from '../support/speaker.ts'
import { hashOf } from '../support/store.ts'
import { TOKEN, withTracker } from '../support/tracker.ts'
import { addUsers, refusalsOf } from '../support/users.ts'

const SHORT = {
  ...{ REDSWARM_ANNOUNCE_INTERVAL_S: '1', REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1' },
  ...{ REDSWARM_PEER_LIFETIME_S: '4', REDSWARM_SWEEP_INTERVAL_S: '1' },
}

describe('the users of infra/redis/users.acl, elsewhere', () => {
  it('do so in a Cluster', async () => {
    const cluster = await startCluster()
    onTestFinished(cluster.stop)
    const redisOf = cluster.nodes.map(({ redis }) => redis)
    await Promise.all(redisOf.map(addUsers))
    const at = (user: string) => cluster.url.replace('://', `://${user}:change-me-${user}@`)
    await withTracker(at('sweeper'), { roles: ['sweeper'], settings: SHORT }, () =>
      withTracker(at('http'), { roles: ['http'], settings: { ...SHORT, REDSWARM_PRIVATE: 'true' } }, () =>
        withTracker(at('api'), { roles: ['api'], settings: SHORT }, ({ apiUrl }) =>
          withTracker(at('udp'), { roles: ['udp'], settings: SHORT }, async (tracker) => {
            const client = await connected(tracker)
            for (const digit of '0123456789abcdef') await client.announce({ infoHash: hashOf(digit) })
            expect((await call(`${apiUrl}/api/v2/torrents`, { token: TOKEN })).status).toBe(200)
            const isGone = async () => (await client.scrape([hashOf('0')]))[0]?.leechers === 0
            await until('the peers to go', isGone, 15_000)
          }),
        ),
      ),
    )
    const { stderr } = await runCli(['audit'], { REDSWARM_REDIS_URL: at('operator') })
    expect(stderr).toBe('')
    expect((await Promise.all(redisOf.map(refusalsOf))).flat()).toEqual([])
  }, 60_000)

  it('do so behind Sentinels, which have one, too, as replicas have', async () => {
    const set = await startSentinels({ hasUsers: true })
    onTestFinished(set.stop)
    const url = set.url.replace('://', '://udp:change-me-udp@')
    await withTracker(url, { roles: ['udp'] }, async (tracker) => {
      const client = await connected(tracker)
      const isServed = () =>
        client.announce().then(
          ({ leechers }) => leechers === 1,
          () => false,
        )
      expect(await isServed()).toBe(true)
      const old = await set.master()
      await set.sentinels[0]?.redis.call('SENTINEL', 'FAILOVER', 'swarms')
      await until('another master', async () => (await set.master()) !== old, 20_000)
      await until('it to serve', isServed, 2000)
      await set.settled()
    })
    expect((await Promise.all(set.nodes.map(({ redis }) => refusalsOf(redis)))).flat()).toEqual([])
  }, 60_000)

  it('are those of docs/operations.md, with other passwords, and another prefix', async () => {
    const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8')
    const [copying = '', prefixing = ''] = [
      ...(page.split('## Users')[1]?.matchAll(/^```sh\n(.*?)^```$/gms) ?? []),
    ].map(([, commands]) => commands)
    const { path: folder, remove } = await temporaryFolder('users')
    onTestFinished(remove)
    await symlink(new URL('../../infra', import.meta.url), join(folder, 'infra'))
    for (const commands of [copying, prefixing]) execFileSync('sh', ['-e', '-c', commands], { cwd: folder })
    const passwords = new Map(
      (await readFile(join(folder, 'passwords'), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    )
    const port = await freePort()
    const redisServer = (await findRedis({ install: false }))?.path ?? 'redis-server'
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--aclfile', join(folder, 'users.acl')]
    const own = spawn(redisServer, args, { stdio: 'ignore' })
    killAtExit(own)
    onTestFinished(() => void own.kill('SIGKILL'))
    const at = (user: string) => `redis://${user}:${passwords.get(user)}@127.0.0.1:${port}`
    const settings = { REDSWARM_KEY_PREFIX: 'our-', ...SHORT, REDSWARM_PRIVATE: 'true' }
    const operator = new Redis(at('operator'), { protocol: 2, disableClientInfo: true, retryStrategy: () => 20 })
    onTestFinished(() => operator.disconnect())
    operator.on('error', () => {})
    await operator.ping()
    await withTracker(at('sweeper'), { roles: ['sweeper'], settings }, () =>
      withTracker(at('udp'), { roles: ['udp'], settings }, async (tracker) => {
        const env = { REDSWARM_REDIS_URL: at('operator'), REDSWARM_KEY_PREFIX: 'our-' }
        const { stdout } = await runCli(['keys', 'add'], env)
        const passkey = /^ *(\w{32})$/m.exec(stdout)?.[1]
        const speak = overUdp(await connected(tracker))
        await until('it to be served', async () => (await speak(`/announce/${passkey}`)) === 'ok')
        expect(await runCli(['status'], env)).toMatchObject({ code: 0, stdout: expect.stringContaining('prefix our-') })
      }),
    )
    expect(await refusalsOf(operator)).toEqual([])
  }, 60_000)
})
