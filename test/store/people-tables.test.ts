import { describe, expect, it } from 'vitest'
import { COUNTER_NAMES, makeCounters } from '../../lib/observe/counters.ts'
import { makeInstanceBeat } from '../../lib/store/instances.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeStatsFlusher } from '../../lib/store/stats.ts'
import { comparableTimes, crowd, show } from '../support/people.ts'
import { startRedis, useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const HASH = hashOf('616')
const HEX = HASH.toString('hex')
const INDEX = 'torrents:{616}'

const nowS = async () => Number((await server().redis.time())[0])
const comparable = (lines: string[]) => lines.map(comparableTimes)

describe('redswarm_torrents', () => {
  it('shows the torrents of a shard, the first due first, and what shows more', async () => {
    const { redis } = server()
    const now = await nowS()
    for (let i = 0; i < 5; i++) {
      const infoHash = hashOf(`6160${i}`)
      const announces = Array.from({ length: i + 1 }, (_, k) =>
        announceOf({ infoHash, endpoint: at('192.0.2.1', 1000 + k), isSeeder: k > 0 }),
      )
      await storeOn(redis, {}, () => now - 600 * i).announce(announces)
    }
    const lines = comparable(await show(redis, 'redswarm_torrents', 1, INDEX, 3))
    expect(lines).toEqual([
      '5 torrents, 10 seeders, 5 leechers, 0 completed',
      '',
      'info hash, the first due to be swept first seeders leechers completed due',
      ...[4, 3, 2].map((i) => `${hashOf(`6160${i}`).toString('hex')} ${i} 1 0 in SOME`),
      '',
      `2 more: FCALL_RO redswarm_torrents 1 '${INDEX}' 3 3`,
    ])
    const rest = comparable(await show(redis, 'redswarm_torrents', 1, INDEX, 3, 3))
    expect(rest.slice(3)).toEqual([1, 0].map((i) => `${hashOf(`6160${i}`).toString('hex')} ${i} 1 0 in SOME`))
    expect(await show(redis, 'redswarm_torrents', 1, 'torrents:{000}')).toEqual([
      '0 torrents, 0 seeders, 0 leechers, 0 completed',
    ])
  })
})

describe('redswarm_stats', () => {
  it('shows what all frontends counted, by protocol and kind', async () => {
    const { redis } = server()
    const counters = makeCounters()
    COUNTER_NAMES.forEach((name, i) => {
      counters[name] = 1_000_000 + i
    })
    await makeStatsFlusher({ redis, keys: makeKeys(''), counters, frontendId: 'one' })()
    await redis.hset('stats', 'of_another_version', 5)
    const lines = comparable(await show(redis, 'redswarm_stats', 1, 'stats'))
    expect(lines.slice(0, 5)).toEqual([
      'protocol connections announces refused scrapes refused errors',
      'UDP, IPv4 1,000,000 1,000,001 1,000,004 1,000,002 1,000,005 1,000,003',
      'UDP, IPv6 1,000,006 1,000,007 1,000,010 1,000,008 1,000,011 1,000,009',
      'HTTP, IPv4 - 1,000,012 1,000,015 1,000,013 1,000,016 1,000,014',
      'HTTP, IPv6 - 1,000,017 1,000,020 1,000,018 1,000,021 1,000,019',
    ])
    const others = COUNTER_NAMES.slice(22).map((name, i) =>
      expect.stringMatching(new RegExp(`^${name} 1,000,0${22 + i} \\w`)),
    )
    expect(lines.slice(5)).toEqual([
      '',
      ...others,
      'of_another_version 5',
      '',
      "the processes: FCALL_RO redswarm_stats 1 'instances'",
    ])
  })

  it('shows the processes, and which of them are silent', async () => {
    const { redis } = server()
    const now = await nowS()
    const beat = async (id: string, changes: object) => {
      const instance = {
        ...{
          id,
          roles: ['udp'],
          host: 'a.example',
          pid: 7,
          version: '1.0.0',
          node: 'v24.0.0',
          startedAt: now - 7300,
          at: now,
        },
        ...{ listens: ['udp 0.0.0.0:6969', 'udp [::]:6969'], rssBytes: 61_234_567, cpuCores: 0.5, requestsPerS: 1234 },
        ...changes,
      }
      await makeInstanceBeat({ redis, keys: makeKeys(''), describe: () => instance }).beat()
    }
    await beat('two', { host: 'b', pid: 19, roles: ['sweeper', 'api'], at: now - 30, requestsPerS: 0 })
    await beat('one', {})
    await redis.hset('instances', 'bad', '{"roles":[]}', 'worse', 'no JSON', 'odd', '[1]')
    const lines = await show(redis, 'redswarm_stats', 1, 'instances')
    expect(lines.slice(0, 3)).toEqual([
      'host       pid  roles        version   up  requests/s   CPU   memory  listens',
      'a.example    7  udp          1.0.0    2 h       1,234  0.50  61.2 MB  udp 0.0.0.0:6969, udp [::]:6969',
      expect.stringMatching(/^b {11}19 {2}sweeper api {2}1\.0\.0 .* {2}silent for 3\d s$/),
    ])
    expect(lines.filter((line) => line.includes('what no process says of itself'))).toHaveLength(3)
    await redis.del('instances')
    expect(await show(redis, 'redswarm_stats', 1, 'instances')).toEqual([
      'no process of a tracker has told of itself here',
    ])
  })
})

it('the functions read under the prefix of the key that they are given', async () => {
  const { redis } = server()
  await storeOn(redis, {}, undefined, 'p:').announce(crowd(HASH, 20))
  const lines = comparable(await show(redis, 'redswarm_swarm', 1, `p:${INDEX}`, HEX))
  expect(lines.slice(1, 3)).toEqual(['seeders 7', 'leechers 13'])
  expect(lines.at(-1)).toBe(`10 more: FCALL_RO redswarm_peers 1 'p:${INDEX}' ${HEX} 50 10`)
  expect(await show(redis, 'redswarm_peers', 1, `p:${INDEX}`, HEX)).toHaveLength(21)
  expect((await show(redis, 'redswarm_torrents', 1, `p:${INDEX}`))[0]).toMatch(/^1 torrents, 7 seeders/)
  expect((await show(redis, 'redswarm_stats', 1, 'p:stats')).at(-1)).toMatch(/'p:instances'$/)
  expect((await show(redis, 'redswarm_swarm', 1, INDEX, HEX))[0]).toMatch(/^no such swarm/)
})

it('the functions work on a replica, and write nothing', async () => {
  const replica = await startRedis()
  try {
    const { redis } = replica
    await storeOn(redis).announce(crowd(HASH, 4))
    await show(redis, 'redswarm_stats', 1, 'stats')
    await redis.call('REPLICAOF', '127.0.0.1', '1')
    expect((await show(redis, 'redswarm_swarm', 1, INDEX, HEX))[1]).toBe('seeders    2')
  } finally {
    await replica.stop()
  }
})
