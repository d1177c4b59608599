import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { until } from '../support/redis.ts'
import { startSentinels } from '../support/sentinel.ts'
import { connected } from '../support/speaker.ts'
import { withTracker } from '../support/tracker.ts'

it('a replica is left whose promotion no Sentinel has seen, for the one that they agree on', async () => {
  const set = await startSentinels()
  onTestFinished(set.stop)
  let promotedMs = 0
  for (const { redis, kill } of set.sentinels) {
    const listener = redis.duplicate()
    onTestFinished(() => listener.disconnect())
    listener.on('error', () => {})
    // It would see a second later that it has a master.
    listener.on('message', () => {
      if (promotedMs === 0) void kill()
      promotedMs ||= performance.now()
    })
    await listener.subscribe('+failover-state-wait-promotion')
  }
  await withTracker(set.url, { roles: ['udp'] }, async (tracker) => {
    const client = await connected(tracker)
    const isServed = () =>
      client.announce().then(
        () => true,
        () => false,
      )
    const old = await set.master()
    await old.kill()
    await until('a Sentinel that promotes', async () => promotedMs > 0)
    await until('service by the replica', isServed, 2000)
    await until('it to be left', async () => !(await isServed()), 4000)
    await sleep(250)
    expect(await isServed()).toBe(false)
    expect(await set.master()).toBe(old)
    await until('another failover', async () => (await set.master()) !== old, 20_000)
    await until('service by the next master', isServed, 1000)
    // Longer than the word of one counts.
    for (let i = 0; i < 200; i++) {
      expect(await client.announce()).toMatchObject({ leechers: 1 })
      await sleep(20)
    }
    const { redis } = await set.master()
    expect(await redis.keys('swarm:*')).toHaveLength(1)
  })
}, 60_000)
