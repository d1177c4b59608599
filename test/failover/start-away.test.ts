import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findAway, untilThere } from '../../lib/store/away-masters.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import type { ClusterNode } from '../support/cluster.ts'
import { until } from '../support/redis.ts'
import { silentLog } from '../support/store.ts'
import { withTracker } from '../support/tracker.ts'

import { addressOf, cluster, keysOn, look, useCluster } from './away-scene.ts'

useCluster()

describe('a start where a master that it needs is away', () => {
  it('waits for it, says so, and serves once it is back', async () => {
    const { keys, gone } = keysOn(['schema', 'bans', 'denied', 'clients', 'secret'], [])
    const lines: { msg: string; redis?: string; cause?: string }[] = []
    const log = pino({ level: 'info' }, { write: (line) => lines.push(JSON.parse(line)) })
    gone.process.kill('SIGSTOP')
    const back = until(
      'it to say that it waits',
      () => lines.some(({ msg }) => msg.includes('waiting until its master serves')),
      10_000,
    )
      .then(() => sleep(500))
      .finally(() => gone.process.kill('SIGCONT'))
    await withTracker(
      cluster.url,
      { roles: ['udp'], settings: { REDSWARM_KEY_PREFIX: keys.prefix }, log },
      async ({ udpPort }) => {
        await back
        expect(udpPort).toBeGreaterThan(0)
      },
    )
    const about = lines.filter(({ redis }) => redis === addressOf(gone))
    expect(about.filter(({ msg }) => msg.includes('waiting'))).toMatchObject([{ cause: 'slow' }])
  }, 60_000)

  it('does not wait for a master that it needs nothing of', async () => {
    const { keys, gone } = keysOn(['audit'], ['schema', 'bans', 'denied', 'clients', 'secret'])
    gone.process.kill('SIGKILL')
    await withTracker(
      cluster.url,
      { roles: ['udp'], settings: { REDSWARM_KEY_PREFIX: keys.prefix } },
      async ({ udpPort }) => {
        expect(udpPort).toBeGreaterThan(0)
      },
    )
  }, 30_000)

  it('ends with which master it is, where that does not come back', async () => {
    const { keys, gone } = keysOn(['schema'], [])
    gone.process.kill('SIGKILL')
    const redis = await connectRedis(cluster.url)
    onTestFinished(() => redis.disconnect())
    await expect(untilThere(redis, keys, [keys.schema], { msMax: 500, log: silentLog })).rejects.toThrow(
      new RegExp(
        `^the master ${addressOf(gone)} of the Cluster, which has the key ${keys.schema}, has not served for 0.5 s \\(failing_over\\): .*\n  start it`,
      ),
    )
  }, 30_000)
})

describe('a Cluster that needs all of its masters, of which one is away', () => {
  it('is away as a whole', async () => {
    const [gone, second] = cluster.nodes as [ClusterNode, ClusterNode]
    await Promise.all(cluster.nodes.map(({ redis }) => redis.config('SET', 'cluster-require-full-coverage', 'yes')))
    gone.process.kill('SIGKILL')
    await until(
      'the others to refuse',
      async () => String(await second.redis.cluster('INFO')).includes('cluster_state:fail'),
      10_000,
    )
    const redis = await connectRedis(cluster.url)
    onTestFinished(() => redis.disconnect())
    const keys = makeKeys('')
    const away = await findAway(redis, keys)
    expect(away.all.map(({ cause }) => cause).sort()).toEqual(['away', 'failing_over', 'failing_over'])
    const { code, stderr } = await look(keys, 'status')
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^redswarm: .*(?:ECONNREFUSED|CLUSTERDOWN)/)])
  }, 60_000)
})
