import { describe, expect, it } from 'vitest'
import { isLater, makeEventFeed } from '../../lib/store/events.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { until, useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const keys = makeKeys('')
const A = hashOf('a').toString('hex')

/** What is in the stream, each event with the first digit of its torrent. */
async function told(prefix = ''): Promise<string[]> {
  const entries = await server().redis.xrange(makeKeys(prefix).events, '-', '+')
  return entries.map(([, [, event, , hex]]) => `${event} ${hex?.[0]}`)
}

const completed = announceOf({ isSeeder: true, event: EVENT.completed })
const stopped = announceOf({ event: EVENT.stopped })

describe('the events of announces', () => {
  it('tell of a torrent when its first peer comes and when its last one leaves', async () => {
    const { announce } = storeOn(server().redis, { eventsMax: 100 })
    await announce([announceOf(), announceOf(), announceOf({ endpoint: at('192.0.2.2') })])
    await announce([stopped, announceOf({ infoHash: hashOf('b') }), stopped])
    expect(await told()).toEqual(['added a', 'added b'])
    await announce([announceOf({ endpoint: at('192.0.2.2'), event: EVENT.stopped })])
    expect(await told()).toEqual(['added a', 'added b', 'evicted a'])
  })

  it('tell of a completed download where it is counted, and of no other', async () => {
    const { announce } = storeOn(server().redis, { eventsMax: 100 })
    await announce([completed, completed, announceOf({ event: EVENT.completed }), stopped])
    expect(await told()).toEqual(['added a', 'completed a'])
  })

  it('tell of a torrent that a sweep drops, and of none that stays', async () => {
    const { redis } = server()
    const { announce } = storeOn(redis, { eventsMax: 100 }, () => 1000)
    await announce([announceOf(), { ...completed, infoHash: hashOf('a0001') }])
    const policy = { redis, keys, peerLifetimeS: 3900, nowS: () => 10_000 }
    await makeShardSweeper({ ...policy, eventsMax: 100 })('a00')
    expect(await told()).toEqual(['added a', 'added a', 'completed a', 'evicted a'])
    expect(await redis.zrange(keys.torrents('a00'), '0', '-1')).toEqual([hashOf('a0001').toString('hex')])
  })

  it('are of none where they are off', async () => {
    const { redis } = server()
    await storeOn(redis, {}, () => 1000).announce([completed, announceOf({ infoHash: hashOf('b') })])
    await makeShardSweeper({ redis, keys, peerLifetimeS: 3900, nowS: () => 10_000 })('b00')
    expect(await redis.exists(keys.events)).toBe(0)
  })

  it('are under the prefix', async () => {
    await storeOn(server().redis, { eventsMax: 100 }, undefined, 'p:').announce([announceOf()])
    expect(await told('p:')).toEqual(['added a'])
  })

  it('that cannot be told change nothing of what an announce or a sweep does', async () => {
    const { redis } = server()
    const fields = async () => [await redis.hgetall(keys.totals('a00')), await redis.exists(keys.swarm(A))]
    const play = async () => {
      const { announce, counters } = storeOn(redis, { eventsMax: 100 }, () => 1000)
      const replies = await announce([announceOf(), completed, announceOf({ infoHash: hashOf('a0001') })])
      const between = await fields()
      await makeShardSweeper({ redis, keys, peerLifetimeS: 3900, nowS: () => 10_000, eventsMax: 100 })('a00')
      return { replies, between, after: await fields(), damaged: counters.store_damaged }
    }
    const right = await play()
    await redis.flushall()
    await redis.set(keys.events, 'x')
    expect(await play()).toEqual(right)
    expect(await redis.get(keys.events)).toBe('x')
  })
})

describe('the feed of events', () => {
  const feedOf = () => {
    const problems: unknown[] = []
    const feed = makeEventFeed({
      redis: server().redis,
      keys,
      connect: async () => server().redis.duplicate(),
      onProblem: (error) => problems.push(error),
    })
    return { feed, problems }
  }

  it('hears of what comes after it began, and passes over what somebody else wrote', async () => {
    const { redis } = server()
    const { announce } = storeOn(redis, { eventsMax: 100 })
    await announce([announceOf({ infoHash: hashOf('b') })])
    const { feed } = feedOf()
    const heard: string[] = []
    const unlisten = await feed.listen((events) => heard.push(...events.map(({ kind, hex }) => `${kind} ${hex}`)))
    await redis.xadd(keys.events, '*', 'event', 'strange', 'info_hash', A)
    await redis.xadd(keys.events, '*', 'event', 'added', 'info_hash', 'short')
    await redis.xadd(keys.events, '*', 'other', 'field')
    await announce([announceOf()])
    await until('the event', () => heard.length > 0)
    expect(heard).toEqual([`added ${A}`])
    unlisten()
    await announce([stopped])
    await until(
      'the feed to hear it',
      async () => feed.lastId() === (await redis.xrevrange(keys.events, '+', '-', 'COUNT', 1))[0]?.[0],
    )
    expect(heard).toHaveLength(1)
    await feed.stop()
  })

  it('goes on once a key of another type has gone', async () => {
    const { redis } = server()
    const { feed, problems } = feedOf()
    const heard: string[] = []
    await feed.listen((events) => heard.push(...events.map(({ kind }) => kind)))
    await redis.set(keys.events, 'x')
    await until('the problem to be told', () => problems.length > 0)
    await redis.del(keys.events)
    await storeOn(redis, { eventsMax: 100 }).announce([announceOf()])
    await until('the event', () => heard.length > 0)
    await feed.stop()
  })

  it('says that some may be missing where more come at once than are kept', async () => {
    const { redis } = server()
    const { feed } = feedOf()
    const heard: string[] = []
    await feed.listen((events, mayMiss) =>
      heard.push(...(mayMiss ? ['gap'] : []), ...events.map(({ hex }) => hex[0] as string)),
    )
    const tell = async (hashes: string[], keptMax: number) => {
      const writes = redis.multi()
      for (const digit of hashes)
        writes.xadd(keys.events, '*', 'event', 'added', 'info_hash', hashOf(digit).toString('hex'))
      await writes.xtrim(keys.events, 'MAXLEN', keptMax).exec()
      await until('the last', () => heard.at(-1) === hashes.at(-1))
    }
    await tell(['a', 'b'], 100)
    await tell(['c'], 1)
    await tell(['d', 'e'], 2)
    await tell(['f', '0'], 3)
    expect(heard).toEqual(['a', 'b', 'gap', 'c', 'gap', 'd', 'e', 'f', '0'])
    await feed.stop()
  })

  it('can begin again where it could not at first', async () => {
    const { redis } = server()
    await redis.set(keys.events, 'x')
    const { feed } = feedOf()
    await expect(feed.listen(() => {})).rejects.toThrow('WRONGTYPE')
    await redis.del(keys.events)
    await feed.listen(() => {})
    await feed.stop()
  })

  it('knows which of two ids is later', () => {
    expect(isLater('10-0', '9-5')).toBe(true)
    expect(isLater('10-10', '10-9')).toBe(true)
    expect(isLater('10-9', '10-9')).toBe(false)
    expect(isLater('9-1', '10-0')).toBe(false)
  })
})
