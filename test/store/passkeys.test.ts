import { once } from 'node:events'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makePasskeyCopy } from '../../lib/store/passkey-copy.ts'
import { makePasskey, makePasskeyStore } from '../../lib/store/passkeys.ts'
import { isPasskey } from '../../lib/swarm/access.ts'
import { until, useRedis } from '../support/redis.ts'

const passkeyOf = (number: number): string => `key${number}`.padEnd(32, 'x')

describe('passkeys in the store', () => {
  const server = useRedis()
  const storeAt = (prefix = '') => makePasskeyStore({ redis: server().redis, keys: makeKeys(prefix) })
  const all = async (prefix = '') => (await Array.fromAsync(storeAt(prefix).scan())).flat()

  /** A copy with a connection of its own, and what went wrong in it. */
  const withCopy = async (
    test: (copy: Awaited<ReturnType<typeof makePasskeyCopy>>, problems: unknown[], listener: Redis) => Promise<void>,
    clock = { nowS: 1000 },
    redis = server().redis,
  ) => {
    const subscriber = new Redis({ path: server().socket, protocol: 2, retryStrategy: () => 20 })
    subscriber.on('error', () => {})
    const problems: unknown[] = []
    const onProblem = (error: unknown) => void problems.push(error)
    try {
      const nowS = () => clock.nowS
      const copy = await makePasskeyCopy({ redis, subscriber, keys: makeKeys(''), nowS, onProblem })
      await test(copy, problems, subscriber)
    } finally {
      subscriber.disconnect()
    }
  }

  it('are added, changed and removed, and say whether they were new or there', async () => {
    const store = storeAt()
    expect(await store.put({ passkey: passkeyOf(1), validUntilS: undefined })).toBe(true)
    expect(await store.put({ passkey: passkeyOf(1), validUntilS: 2000 })).toBe(false)
    expect(await all()).toEqual([{ passkey: passkeyOf(1), validUntilS: 2000 }])
    expect(await store.remove(passkeyOf(1))).toBe(true)
    expect(await store.remove(passkeyOf(1))).toBe(false)
    expect(await all()).toEqual([])
  })

  it('are apart from those of another tracker on the same Redis', async () => {
    await storeAt('other:').put({ passkey: passkeyOf(1), validUntilS: undefined })
    expect([await all(), await all('other:')]).toEqual([[], [{ passkey: passkeyOf(1), validUntilS: undefined }]])
  })

  it('are removed once they have expired, and others stay', async () => {
    const store = storeAt()
    for (const [number, validUntilS] of [undefined, 1000, 1001].entries()) {
      await store.put({ passkey: passkeyOf(number), validUntilS })
    }
    expect(await store.removeExpired(1000, () => true)).toBe(0)
    expect(await all()).toHaveLength(3)
    expect(await store.removeExpired(1000, () => false)).toBe(1)
    expect((await all()).map(({ passkey }) => passkey).sort()).toEqual([passkeyOf(0), passkeyOf(2)])
  })

  it('stay where they are renewed while those that have expired are removed', async () => {
    const { redis } = server()
    const all = Array.from({ length: 3000 }, (_, i) => passkeyOf(i))
    await redis.hset('keys', Object.fromEntries(all.map((passkey) => [passkey, 1000])))
    const store = storeAt()
    const removing = store.removeExpired(1000, () => false)
    await Promise.all(all.slice(0, 1500).map((passkey) => store.put({ passkey, validUntilS: 2000 })))
    await removing
    const left = new Set(await redis.hkeys('keys'))
    expect(all.slice(0, 1500).filter((passkey) => !left.has(passkey))).toEqual([])
    expect(await redis.hkeys('keys')).toHaveLength(1500)
  })

  it('are found by name, each in its place', async () => {
    const store = storeAt()
    await store.put({ passkey: passkeyOf(1), validUntilS: 7 })
    expect(await store.find([passkeyOf(0), passkeyOf(1)])).toEqual([
      undefined,
      { passkey: passkeyOf(1), validUntilS: 7 },
    ])
    expect(await store.find([])).toEqual([])
  })

  it.each([
    [0, 1],
    [-5, 1],
    [1000.2, 1001],
    [1e300, 999_999_999_999],
  ])('that are valid until %d are not valid for ever', async (validUntilS, kept) => {
    await storeAt().put({ passkey: passkeyOf(1), validUntilS })
    expect(await all()).toEqual([{ passkey: passkeyOf(1), validUntilS: kept }])
  })

  it('are made of chance: all letters and digits, and none twice', () => {
    const made = Array.from({ length: 500 }, makePasskey)
    expect(made.filter((passkey) => !isPasskey(passkey))).toEqual([])
    expect(new Set(made.join('')).size).toBe(62)
    expect(new Set(made).size).toBe(500)
  })

  it('are in a copy: those of before, and each change as it comes', async () => {
    const store = storeAt()
    for (let i = 0; i < 2500; i++) await store.put({ passkey: passkeyOf(i), validUntilS: undefined })
    const clock = { nowS: 1000 }
    await withCopy(async ({ stateOf }, problems) => {
      expect([stateOf(passkeyOf(0)), stateOf(passkeyOf(2499)), stateOf(passkeyOf(2500))]).toEqual([
        ...['valid', 'valid', 'unknown'],
      ])
      await store.put({ passkey: passkeyOf(2500), validUntilS: 1010 })
      await store.remove(passkeyOf(0))
      await until('the changes', () => stateOf(passkeyOf(2500)) === 'valid' && stateOf(passkeyOf(0)) === 'unknown')
      clock.nowS = 1010
      expect(stateOf(passkeyOf(2500))).toBe('expired')
      expect(problems).toEqual([])
    }, clock)
  })

  it('are in a copy after changes that it could not hear, at its next refresh', () =>
    withCopy(async ({ stateOf, refresh }, _, subscriber) => {
      subscriber.disconnect()
      await storeAt().put({ passkey: passkeyOf(1), validUntilS: undefined })
      expect(stateOf(passkeyOf(1))).toBe('unknown')
      await refresh()
      expect(stateOf(passkeyOf(1))).toBe('valid')
      await server().redis.flushall()
      await refresh()
      expect(stateOf(passkeyOf(1))).toBe('unknown')
    }))

  it('are in a copy after a refresh that found their change being looked up', async () => {
    const redis = server().redis.duplicate()
    const hmget = redis.hmget.bind(redis)
    const { promise: isAsked, resolve: ask } = Promise.withResolvers<void>()
    const { promise: mayAnswer, resolve: allow } = Promise.withResolvers<void>()
    redis.hmget = (async (key: string, ...fields: string[]) => {
      ask()
      await mayAnswer
      return hmget(key, ...fields)
    }) as typeof redis.hmget
    await withCopy(
      async ({ stateOf, refresh }) => {
        await storeAt().put({ passkey: passkeyOf(1), validUntilS: undefined })
        await isAsked
        const refreshed = refresh()
        setTimeout(allow, 50)
        await refreshed
        expect(stateOf(passkeyOf(1))).toBe('valid')
      },
      { nowS: 1000 },
      redis,
    )
    redis.disconnect()
  })

  it('are in a copy as Redis has them, also where that came back without its last changes', () =>
    withCopy(async ({ stateOf, refresh }, _, subscriber) => {
      const { redis } = server()
      const store = storeAt()
      await store.put({ passkey: passkeyOf(1), validUntilS: undefined })
      await until('the change', () => stateOf(passkeyOf(1)) === 'valid')
      const isBack = once(subscriber, 'ready')
      await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await redis.del('keys', '{keys}:version')
      // As many changes as were lost: by their number nobody could tell.
      await store.put({ passkey: passkeyOf(2), validUntilS: undefined })
      await isBack
      await refresh()
      expect([1, 2].map((number) => stateOf(passkeyOf(number)))).toEqual(['unknown', 'valid'])
    }))

  it('are all in a copy that is made while many come', async () => {
    const store = storeAt()
    const numbers = Array.from({ length: 2000 }, (_, i) => i)
    const coming = Promise.all(numbers.map((i) => store.put({ passkey: passkeyOf(i), validUntilS: undefined })))
    await withCopy(async ({ stateOf }, problems) => {
      await coming
      await until('all of them', () => numbers.every((i) => stateOf(passkeyOf(i)) === 'valid'))
      expect(problems).toEqual([])
    })
  })

  it('are in a copy as they are now where one changes while an earlier change of it is being looked up', async () => {
    const store = storeAt()
    const { redis } = server()
    let changeMeanwhile: (() => Promise<unknown>) | undefined
    // The same Redis; its answers take long enough for another change to be heard before they come.
    const slow = new Proxy(redis, {
      get(target, name) {
        if (name !== 'hmget') return Reflect.get(target, name)
        return async (...args: [string, string]) => {
          const answer = await target.hmget(...args)
          const change = changeMeanwhile
          changeMeanwhile = undefined
          await change?.()
          return answer
        }
      },
    })
    await withCopy(
      async ({ stateOf, refresh }) => {
        const heard = Promise.withResolvers<void>()
        changeMeanwhile = async () => {
          await store.remove(passkeyOf(1))
          await new Promise((resolve) => setTimeout(resolve, 100))
          heard.resolve()
        }
        await store.put({ passkey: passkeyOf(1), validUntilS: undefined })
        await heard.promise
        await new Promise((resolve) => setTimeout(resolve, 100))
        await refresh()
        expect(stateOf(passkeyOf(1))).toBe('unknown')
      },
      undefined,
      slow,
    )
  })

  it('have expired where somebody wrote what is no time', async () => {
    await server().redis.hset('keys', passkeyOf(1), 'tomorrow')
    await withCopy(async ({ stateOf }) => expect(stateOf(passkeyOf(1))).toBe('expired'))
  })
})
