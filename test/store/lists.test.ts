import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { isClientRule, makeClientList } from '../../lib/store/clients.ts'
import { makeDeniedList } from '../../lib/store/denied.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { CHANGED_AT_ONCE, type List, type ListEntry } from '../../lib/store/list.ts'
import { makeListCopy } from '../../lib/store/list-copy.ts'
import { until, useRedis } from '../support/redis.ts'

const keys = makeKeys('p:')

/** A copy as a map, and how often all of the list was read. */
async function copyOf(list: List) {
  const state = { reads: 0 }
  const scan = () => {
    state.reads += 1
    return list.scan()
  }
  const copy = await makeListCopy({ ...list, scan }, () => {
    const map = new Map<string, string>()
    const take = (entries: readonly ListEntry[]) => {
      for (const [name, value] of entries) {
        if (value === '') map.delete(name)
        else map.set(name, value)
      }
    }
    return { take, view: () => Object.fromEntries(map) }
  })
  return { ...copy, state }
}

describe('a list that operators keep', () => {
  const server = useRedis()
  const list = () => makeClientList({ redis: server().redis, keys })

  it('is heard of by a copy change by change, and is read as a whole but once', async () => {
    const copy = await copyOf(list())
    expect(copy.view()).toEqual({})
    await list().put([['-XL', 'deny']])
    await copy.refresh()
    expect(copy.view()).toEqual({ '-XL': 'deny' })
    for (const rule of ['allow', 'deny', 'allow']) await list().put([['-XL', rule]])
    await list().put([
      ['-qB', 'allow'],
      ['-TR', 'allow'],
    ])
    await list().remove(['-qB'])
    await copy.refresh()
    await copy.refresh()
    expect(copy.view()).toEqual({ '-XL': 'allow', '-TR': 'allow' })
    expect(copy.state.reads).toBe(1)
  })

  it('is not told as changed where nothing is', async () => {
    await list().put([['-XL', 'deny']])
    await list().put([['-XL', 'deny']])
    await list().remove(['-TR'])
    expect(await list().version()).toBe(1)
    expect(await server().redis.xlen(keys.clients.changes)).toBe(1)
  })

  it('is read as a whole where changes are missed, somebody wrote by hand, or the Redis may be another one', async () => {
    const { redis } = server()
    await list().put([['-XL', 'deny']])
    const copy = await copyOf(list())
    // It rests after it has read all, as long as that takes.
    const later = async () => {
      const { reads } = copy.state
      await until('all to be read', async () => {
        await copy.refresh()
        return copy.state.reads > reads
      })
      return [copy.view(), copy.state.reads]
    }
    await list().put([['-TR', 'deny']])
    await redis.del(keys.clients.changes)
    expect(await later()).toEqual([{ '-XL': 'deny', '-TR': 'deny' }, 2])
    await list().remove(['-TR'])
    await redis.hset(keys.clients.list, '-UT', 'deny')
    await redis.incr(keys.clients.version)
    expect(await later()).toEqual([{ '-XL': 'deny', '-UT': 'deny' }, 3])
    await redis.hdel(keys.clients.list, '-UT')
    copy.forget()
    expect(await later()).toEqual([{ '-XL': 'deny' }, 4])
    await list().put([['-TR', 'deny']])
    const [[between] = ['']] = await redis.xrevrange(keys.clients.changes, '+', '-', 'COUNT', 1)
    await list().put([['-qB', 'deny']])
    await redis.xdel(keys.clients.changes, between)
    expect(await later()).toEqual([{ '-XL': 'deny', '-TR': 'deny', '-qB': 'deny' }, 5])
    await redis.flushall()
    expect(await later()).toEqual([{}, 6])
  })

  it('is read as a whole again and again while its version is no number', async () => {
    const { redis } = server()
    await list().put([['-XL', 'deny']])
    const copy = await copyOf(list())
    for (const version of ['what', '0']) {
      await redis.set(keys.clients.version, version)
      await redis.hset(keys.clients.list, `-V${version}`, 'deny')
      await sleep(50)
      await copy.refresh()
      expect(copy.view()).toHaveProperty(`-V${version}`)
    }
  })

  it('that is read as a whole rests before it is again', async () => {
    const { redis } = server()
    const many = Array.from({ length: 50_000 }, (_, i): ListEntry => [i.toString(16).padStart(40, '0'), '0'])
    const denied = makeDeniedList({ redis, keys })
    await denied.put(many)
    const copy = await copyOf(denied)
    copy.forget()
    await copy.refresh()
    await copy.refresh()
    expect(copy.state.reads).toBe(1)
  })

  it('keeps its last changes for a minute', async () => {
    await list().put([['-XL', 'deny']])
    expect(await server().redis.ttl(keys.clients.changes)).toBeGreaterThan(50)
  })

  it('tells of many names in several changes, each of a bounded piece', async () => {
    const denied = makeDeniedList({ redis: server().redis, keys })
    const copy = await copyOf(denied)
    const many = Array.from({ length: 3 * CHANGED_AT_ONCE + 1 }, (_, i): ListEntry => [`${i}`.padStart(40, 'a'), '0'])
    expect((await denied.put(many)).every((outcome) => outcome === 'new')).toBe(true)
    expect(await denied.version()).toBe(4)
    await copy.refresh()
    expect(copy.view()).toEqual(Object.fromEntries(many))
    expect(copy.state.reads).toBe(1)
  })

  it('says of a name that comes twice in one change what becomes of it each time', async () => {
    expect(
      await list().put([
        ['-XL', 'deny'],
        ['-XL', 'deny'],
        ['-XL', 'allow'],
      ]),
    ).toEqual(['new', 'same', 'changed'])
    expect(await list().find(['-XL', '-TR'])).toEqual(['allow', undefined])
    expect(await list().remove(['-XL', '-XL'])).toEqual([true, false])
  })

  it('takes no more than it may hold, and is not changed where its version or its changes are damaged', async () => {
    const { redis } = server()
    const many = Array.from({ length: 1000 }, (_, i): ListEntry => [`-X${i}`, 'deny'])
    await list().put(many)
    await expect(list().put([['-TR', 'deny']])).rejects.toThrow('there are 1,000 prefixes of clients already')
    expect(await list().put([['-X1', 'allow']])).toEqual(['changed'])
    for (const key of [keys.clients.version, keys.clients.changes]) {
      await redis.del(key)
      await redis.sadd(key, 'x')
      await expect(list().remove(['-X1'])).rejects.toThrow('WRONGTYPE')
      await redis.del(key)
    }
    expect(await list().count()).toBe(1000)
  })

  it('of what is good for a time loses what is over, and nothing else', async () => {
    const denied = makeDeniedList({ redis: server().redis, keys })
    const [over, soon, never] = ['a', 'b', 'c'].map((digit) => digit.repeat(40)) as [string, string, string]
    await denied.put([
      [over, '1000'],
      [soon, '1001'],
      [never, '0'],
    ])
    expect(await denied.removeExpired(1000, () => true)).toBe(0)
    expect(await denied.removeExpired(1000, () => false)).toBe(1)
    expect((await server().redis.hkeys(keys.denied.list)).sort()).toEqual([soon, never])
  })

  it('keeps what somebody prolongs while it is about to be removed', async () => {
    const denied = makeDeniedList({ redis: server().redis, keys })
    const name = 'a'.repeat(40)
    await denied.put([[name, '1000']])
    const prolonged: Promise<unknown>[] = []
    // After it has been read, and before it is removed.
    const isStopping = () => {
      prolonged.push(denied.put([[name, '2000']]))
      return false
    }
    expect(await denied.removeExpired(1000, isStopping)).toBe(0)
    expect(await Promise.all(prolonged)).toEqual([['changed']])
    expect(await denied.find([name])).toEqual(['2000'])
  })

  it('has rules that are allow and deny', () => {
    expect(['allow', 'deny', '', 'toString'].map(isClientRule)).toEqual([true, true, false, false])
  })
})
