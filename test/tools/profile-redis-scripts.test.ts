import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { loadScript } from '../../lib/store/scripts.ts'
import { COUNTS_KEY, countCommands } from '../../services/profile/redis/instrument.ts'
import { compareCounts, countRun } from '../../services/profile/redis/run.ts'
import { startRedis, useRedis } from '../support/redis.ts'

import { contentsOf, damage, play, storeOf } from './profile-redis-play.ts'

const server = useRedis()

async function counting<T>(prefix: string, run: () => Promise<T>): Promise<T> {
  const stop = countCommands(prefix)
  try {
    return await run()
  } finally {
    stop()
  }
}

describe('the instrumented scripts', () => {
  it.each([
    { name: 'by default', policy: {}, prefix: '' },
    { name: 'with a prefix and without details', policy: { peerDetails: false }, prefix: "it's:" },
    { name: 'of a listed tracker', policy: { listed: true }, prefix: '' },
  ])('answer and write the same as the plain ones, damage included: $name', async ({ policy, prefix }) => {
    const run = async (redis: Redis) => {
      const store = storeOf(redis, policy, prefix)
      const replies = await play(store, 60)
      if (!policy.listed) await damage(redis, prefix)
      replies.push(...(await play(store, 30)))
      return { replies, contents: await contentsOf(redis) }
    }
    const plain = await run(server().redis)
    const other = await startRedis()
    try {
      const copy = await counting(prefix, () => run(other.redis))
      expect(await other.redis.hlen(COUNTS_KEY)).toBeGreaterThan(1)
      expect(copy.replies).toEqual(plain.replies)
      expect(copy.contents).toEqual(plain.contents)
      expect(plain.contents.length > 10).toBe(!policy.listed)
    } finally {
      await other.stop()
    }
  })

  it('count as many of each command as Redis does', async () => {
    const { redis } = server()
    const { id } = loadScript('announce')
    const run = await counting('', () =>
      countRun(redis, async ({ begin, end }) => {
        const store = storeOf(redis)
        await play(store, 2, 400)
        await begin()
        await play(store, 60, 400)
        await end()
        return 60 * 64
      }),
    )
    expect(loadScript('announce').id).toBe(id)
    expect(run.announces).toBe(60 * 64)
    expect(run.calls).toBe(60)
    const kinds = new Set(run.counted.map(({ kind }) => kind))
    for (const kind of ['swarm', 'chunk', 'done', 'index', 'totals', 'accounts']) expect(kinds).toContain(kind)
    expect(kinds).not.toContain('other')
    for (const { command, counted, byRedis } of compareCounts(run)) expect(byRedis, command).toBe(counted)
    // The other way round: nothing that the scripts called is missing in what was counted.
    const known = new Set(run.counted.map(({ command }) => command))
    const others = run.redisCounted.map(({ command }) => command).filter((command) => !known.has(command))
    expect(others.filter((command) => !/^(FCALL|FUNCTION|CONFIG|DEL|MULTI|EXEC|INFO|HGETALL)/.test(command))).toEqual(
      [],
    )
  })
})
