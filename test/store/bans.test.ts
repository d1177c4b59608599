import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { makeBanCopy } from '../../lib/store/ban-copy.ts'
import { BANS_MAX, makeBanStore } from '../../lib/store/bans.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { type Network, networkText, parseNetwork } from '../../lib/wire/network.ts'
import { until, useRedis } from '../support/redis.ts'
import { at } from '../support/store.ts'

const keys = makeKeys('p:')
const network = (text: string) => parseNetwork(text) as Network

describe('bans', () => {
  const server = useRedis()
  const store = () => makeBanStore({ redis: server().redis, keys })

  it('are put once, changed, and end', async () => {
    const bans = store()
    expect(await bans.put({ network: network('192.0.2.77/24'), untilS: undefined })).toBe(true)
    expect(await bans.put({ network: network('192.0.2.0/24'), untilS: 1000 })).toBe(false)
    expect((await bans.all()).map(({ network, untilS }) => [networkText(network), untilS])).toEqual([
      ['192.0.2.0/24', 1000],
    ])
    expect(await bans.remove(network('192.0.2.0/24'))).toBe(true)
    expect(await bans.remove(network('192.0.2.0/24'))).toBe(false)
    expect(await bans.all()).toEqual([])
  })

  it('that are over are removed, and others stay', async () => {
    const bans = store()
    await bans.put({ network: network('192.0.2.1'), untilS: 1000 })
    await bans.put({ network: network('192.0.2.2'), untilS: 1001 })
    await bans.put({ network: network('192.0.2.3'), untilS: undefined })
    expect(await bans.removeExpired(1000, () => true)).toBe(0)
    expect(await bans.removeExpired(1000, () => false)).toBe(1)
    expect((await server().redis.hkeys(keys.bans)).sort()).toEqual(['192.0.2.2', '192.0.2.3'])
  })

  it('are so many at most, and what there is can still be changed', async () => {
    const fields = Array.from({ length: BANS_MAX }, (_, i) => [
      `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
      '0',
    ]).flat()
    for (let i = 0; i < fields.length; i += 20_000) await server().redis.hset(keys.bans, ...fields.slice(i, i + 20_000))
    await expect(store().put({ network: network('192.0.2.1'), untilS: undefined })).rejects.toThrow(
      'there are 100,000 bans already',
    )
    expect(await store().put({ network: network('10.0.0.1'), untilS: 5 })).toBe(false)
  })

  it('are heard of by a frontend`s copy, which is read anew only where one has changed', async () => {
    const bans = store()
    let reads = 0
    const all = () => {
      reads += 1
      return bans.all()
    }
    const { isBanned, refresh } = await makeBanCopy({ version: bans.version, all }, () => 1000)
    const isOut = () => isBanned(at('192.0.2.9'))
    expect(isOut()).toBe(false)
    await bans.put({ network: network('192.0.2.0/24'), untilS: undefined })
    await refresh()
    // Longer than it rests after so few.
    await sleep(2)
    await refresh()
    expect([isOut(), reads]).toEqual([true, 2])
    await bans.remove(network('192.0.2.0/24'))
    await refresh()
    expect(isOut()).toBe(false)
  })

  it('that change one after another are not read each time where there are many', async () => {
    const { redis } = server()
    const many = Array.from({ length: 50_000 }, (_, i) => [`10.0.${i >> 8}.${i & 255}`, '0'])
    await redis.hset(keys.bans, ...many.flat())
    const bans = store()
    const { isBanned, refresh } = await makeBanCopy(bans, () => 1000)
    const isOut = () => isBanned(at('192.0.2.9'))
    await bans.put({ network: network('192.0.2.0/24'), untilS: undefined })
    await refresh()
    expect(isOut()).toBe(false)
    await until('the ban to be known', () => refresh().then(isOut))
  })

  it('last as long as can be told at most', async () => {
    const bans = store()
    await bans.put({ network: network('192.0.2.1'), untilS: 1e15 })
    expect(await bans.all()).toEqual([{ network: network('192.0.2.1'), untilS: 999_999_999_999 }])
  })

  it('written by somebody else as no network ban nobody, and as no time are over', async () => {
    await server().redis.hset(keys.bans, { nonsense: '0', '192.0.2.1': 'never' })
    const { isBanned } = await makeBanCopy(store(), () => 1000)
    expect(isBanned(at('192.0.2.1'))).toBe(false)
  })
})
