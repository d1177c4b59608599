import { describe, expect, it } from 'vitest'
import { BANS_MAX, banEntry, makeBanList, makeBanReader } from '../../lib/store/bans.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeListCopy, readList } from '../../lib/store/list-copy.ts'
import { makeBanCheck } from '../../lib/swarm/bans.ts'
import type { Network } from '../../lib/wire/network.ts'
import { networkText, parseNetwork } from '../../lib/wire/network.ts'
import { networksOf } from '../../lib/wire/network-table.ts'
import { useRedis } from '../support/redis.ts'
import { at } from '../support/store.ts'

const keys = makeKeys('p:')
const ban = (text: string, untilS?: number) => banEntry({ network: parseNetwork(text) as Network, untilS })

describe('bans', () => {
  const server = useRedis()
  const list = () => makeBanList({ redis: server().redis, keys })
  const copyOf = (nowS = 1000) => makeListCopy(list(), () => makeBanReader((rows) => makeBanCheck(rows, () => nowS)))
  const all = async () =>
    [
      ...networksOf(
        await readList(
          list(),
          makeBanReader((rows) => rows),
        ),
      ),
    ].map(({ network, value }) => `${networkText(network)} ${value}`)

  it('are put once, changed, and end', async () => {
    expect(await list().put([ban('192.0.2.77/24')])).toEqual(['new'])
    expect(await list().put([ban('192.0.2.0/24', 1000)])).toEqual(['changed'])
    expect(await list().put([ban('192.0.2.0/24', 1000)])).toEqual(['same'])
    expect(await all()).toEqual(['192.0.2.0/24 1000'])
    expect(await list().remove(['192.0.2.0/24', '192.0.2.0/24'])).toEqual([true, false])
    expect(await all()).toEqual([])
  })

  it('are read in order, those of IPv4 first, however many', async () => {
    const texts = Array.from({ length: 5000 }, (_, i) => `10.${(i * 7) % 250}.${i % 256}.${(i * 31) % 256}`)
    await list().put([ban('2001:db8::/32'), ban('10.0.0.0/8'), ban('10.0.0.0/9'), ...texts.map((text) => ban(text))])
    const found = (await all()).map((text) => text.split(' ')[0] ?? '')
    const numberOf = (text: string) =>
      text
        .split('/')[0]
        ?.split('.')
        .reduce((sum, part) => 256 * sum + Number(part), 0)
    expect(found.slice(0, 2)).toEqual(['10.0.0.0/8', '10.0.0.0/9'])
    expect(found.at(-1)).toBe('2001:db8::/32')
    const numbers = found.slice(0, -1).map((text) => numberOf(text) as number)
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    expect(found).toHaveLength(new Set(texts).size + 3)
  })

  it('are so many at most, and what there is can still be changed', async () => {
    const { redis } = server()
    await redis.eval(
      "for i = 0, tonumber(ARGV[1]) - 1 do redis.call('HSET', KEYS[1], '10.' .. math.floor(i / 65536) .. '.' .. math.floor(i / 256) % 256 .. '.' .. i % 256, '0') end",
      ...[1, keys.bans.list, BANS_MAX],
    )
    await expect(list().put([ban('192.0.2.1')])).rejects.toThrow('there are 1,000,000 bans already')
    expect(await list().put([ban('10.0.0.1', 5)])).toEqual(['changed'])
    // All of them are read, in the time that a test has; one more change then takes no second.
    const { view, refresh } = await copyOf()
    await list().remove(['10.0.0.2'])
    await list().put([ban('10.0.0.3/32', 2000)])
    const startMs = performance.now()
    await refresh()
    expect(performance.now() - startMs).toBeLessThan(500)
    expect(['10.0.0.0', '10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((each) => view()(at(each)))).toEqual([
      ...[true, false, false, true, true],
    ])
  }, 60_000)

  it('last as long as can be told at most', async () => {
    await list().put([ban('192.0.2.1', 1e15)])
    expect(await all()).toEqual(['192.0.2.1 999999999999'])
  })

  it('that are prolonged never end sooner than before', async () => {
    await list().put([ban('192.0.2.1'), ban('192.0.2.2', 500), ban('192.0.2.3', 2000)])
    const prolonged = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map((text) => ban(text, 1000))
    expect(await list().put(prolonged, true)).toEqual(['same', 'changed', 'same', 'new'])
    expect(await all()).toEqual(['192.0.2.1 Infinity', '192.0.2.2 1000', '192.0.2.3 2000', '192.0.2.4 1000'])
    expect(await list().put([ban('192.0.2.3')], true)).toEqual(['changed'])
  })

  it('written by somebody else as no network ban nobody, and as no time are over', async () => {
    await server().redis.hset(keys.bans.list, { nonsense: '0', '192.0.2.1': 'never' })
    const { view } = await copyOf()
    expect(view()(at('192.0.2.1'))).toBe(false)
  })
})
