import { describe, expect, it } from 'vitest'
import { type Instance, isSilent, makeInstanceBeat, readInstances } from '../../lib/store/instances.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { until, useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'

const keys = makeKeys('p:')
const instanceOf = (changes: Partial<Instance> = {}): Instance => ({
  ...{ id: 'one', roles: ['udp'], host: 'a', pid: 7, version: '1.0.0', node: 'v24.0.0', startedAt: 1000, at: 1010 },
  ...{ listens: ['udp 0.0.0.0:6969'], rssBytes: 1, cpuCores: 0.5, requestsPerS: 3 },
  ...changes,
})

describe('what processes say of themselves', () => {
  const server = useRedis()
  const beatOf = (describe: () => Instance) => makeInstanceBeat({ redis: server().redis, keys, describe })
  const read = () => readInstances(server().redis, keys)

  it('is read as it was said last, by host, roles and process id', async () => {
    let at = 1010
    const one = beatOf(() => instanceOf({ at }))
    const others = [instanceOf({ id: 'two', pid: 10 }), instanceOf({ id: 'three', roles: ['api'], pid: 900 })]
    await one.beat()
    for (const other of others) await beatOf(() => other).beat()
    at = 1011
    await one.beat()
    expect(await read()).toEqual([others[1], instanceOf({ at: 1011 }), others[0]])
  })

  it('ends when a process leaves', async () => {
    const { beat, leave } = beatOf(() => instanceOf())
    await beat()
    await leave()
    expect(await read()).toEqual([])
  })

  it('is told as silent five seconds after the last word, and forgotten after five minutes', async () => {
    await beatOf(() => instanceOf({ id: 'gone', at: 1000 })).beat()
    expect([isSilent(instanceOf({ at: 1000 }), 1005), isSilent(instanceOf({ at: 1000 }), 1006)]).toEqual([false, true])
    const late = (at: number) => beatOf(() => instanceOf({ id: 'late', at })).beat()
    await late(1300)
    expect((await read()).map(({ id }) => id)).toEqual(['gone', 'late'])
    await late(1301)
    expect((await read()).map(({ id }) => id)).toEqual(['late'])
  })

  it('passes over what somebody else wrote, and forgets it', async () => {
    const wrong = ['', '{', '3', 'null', '{}', JSON.stringify({ ...instanceOf(), roles: 'udp' })]
    // Who was last heard of in all eternity would never be forgotten.
    wrong.push(JSON.stringify(instanceOf({ at: 1234 })).replace('1234', '1e999'))
    for (const [i, text] of wrong.entries()) await server().redis.hset(keys.instances, `wrong ${i}`, text)
    expect(await read()).toEqual([])
    await beatOf(() => instanceOf()).beat()
    expect(await server().redis.hkeys(keys.instances)).toEqual(['one'])
  })

  it('keeps no tracker from starting where it cannot be kept', async () => {
    const { redis, url } = server()
    await redis.set('instances', 'of somebody else')
    await withTracker(url, { roles: ['http'] }, async ({ httpUrl }) => {
      expect((await fetch(`${httpUrl}/health_check`)).status).toBe(200)
      await redis.del('instances')
      await until('a beat', async () => (await readInstances(redis, makeKeys(''))).length === 1)
    })
  })

  it('is said by a tracker, until it stops', async () => {
    const { redis, url } = server()
    await withTracker(url, { roles: ['udp', 'api'] }, async ({ udpPort }) => {
      const [instance] = await readInstances(redis, makeKeys(''))
      expect(instance).toMatchObject({ roles: ['udp', 'api'], pid: process.pid, node: process.version })
      expect(instance?.listens).toContain(`udp 127.0.0.1:${udpPort}`)
    })
    expect(await readInstances(redis, makeKeys(''))).toEqual([])
  })
})
