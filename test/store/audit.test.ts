import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { type AuditProgress, auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { type InfoHash, infoHashFromHex } from '../../lib/wire/info-hash.ts'
import { readSwarm } from '../support/read-swarm.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, storeOn } from '../support/store.ts'
import { type Damage, EMPTIED, keyOf, LARGE, POPULATION, SMALL } from './audit-damage.ts'
import { KEY_DAMAGES } from './audit-key-damage.ts'
import { CHUNK_DAMAGES, SWARM_DAMAGES } from './audit-swarm-damage.ts'

const LARGE_KEY = keyOf(LARGE)
const SHARDS = ['a00', 'c00', 'e00']
const audit = (redis: Redis, changes: { repair?: boolean; shards?: string[]; prefix?: string } = {}) =>
  auditAll({ redis, keys: makeKeys(changes.prefix ?? ''), peerLifetimeS: 3900, shards: SHARDS, ...changes })

describe('an audit', () => {
  const server = useRedis()
  const populated = async () => {
    const { redis } = server()
    await storeOn(redis).announce(POPULATION)
    return redis
  }

  it('finds nothing wrong in an empty Redis', async () => {
    expect(await audit(server().redis, { shards: undefined })).toMatchObject({ drift: 0, torrents: 0, peers: 0 })
  })

  it('finds nothing wrong in what announces have made, and says how much it looked at', async () => {
    const report = await audit(await populated(), { shards: undefined })
    expect(report.faults).toEqual([])
    expect(report).toMatchObject({ drift: 0, repaired: 0, torrents: 3, peers: 403, notCompared: [] })
    expect(report.checks).toMatchObject({ totals: { lookedAt: 2 }, index: { lookedAt: 3 }, completed: { lookedAt: 3 } })
    expect(report.checks.pieces.lookedAt).toBeGreaterThan(10)
  })

  it('says what is too large to be compared in one script, and takes it for no fault', async () => {
    const redis = await populated()
    const crowd = Array.from({ length: 20_001 }, (_, i) => `c00${String(i + 1).padStart(37, '0')}`)
    const announces = crowd.map((hex) => announceOf({ infoHash: infoHashFromHex(hex) as InfoHash, numwant: 0 }))
    for (let i = 0; i < announces.length; i += 5000) await storeOn(redis).announce(announces.slice(i, i + 5000))
    const head = (await redis.hgetBuffer(LARGE_KEY, 'head')) as Buffer
    head.writeUInt16BE(20_000, 18) // chunks of s6
    await redis.hset(LARGE_KEY, 'head', head)
    const report = await audit(redis)
    expect(report.notCompared).toEqual([
      `${LARGE_KEY} has too many chunks for its counts to be compared`,
      'totals:{c00} counts too many torrents for one script',
    ])
    expect(report.torrents).toBe(20_004)
    expect(report.faults.filter(({ check }) => check !== 'peers' && check !== 'pieces')).toEqual([])
  })

  it('repairs a swarm that is made anew between the look at its completed downloads and their repair', async () => {
    const { redis } = server()
    await redis.zadd(`${keyOf(SMALL)}:done`, 1_764_000_000, at('192.0.2.9', 9))
    const slow = redis.duplicate()
    const callBuffer = slow.callBuffer.bind(slow)
    let announced = 0
    slow.callBuffer = (async (name: string, args?: string[]) => {
      if (announced === 0 && args?.[0]?.startsWith('redswarm_repair_key'))
        announced += (await storeOn(redis).announce([announceOf({ infoHash: SMALL })])).length
      return callBuffer(name, args ?? [])
    }) as typeof slow.callBuffer
    expect(await audit(slow, { repair: true })).toMatchObject({ drift: 1, repaired: 1 })
    slow.disconnect()
    expect(announced).toBe(1)
    expect((await audit(redis)).faults).toEqual([])
    expect((await readSwarm(redis, SMALL.toString('hex')))?.peers.size).toBe(1)
  })

  it('looks at the shards that it is given', async () => {
    const redis = await populated()
    await redis.hset('totals:{a00}', 'torrents', 7)
    expect(await audit(redis, { shards: ['c00'] })).toMatchObject({ drift: 0, torrents: 1, peers: 0 })
    expect(await audit(redis, { shards: ['a00'] })).toMatchObject({ drift: 1, torrents: 2, peers: 403 })
  })

  it('keeps to its own prefix, whatever stands in it', async () => {
    const { redis } = server()
    await storeOn(redis, {}, undefined, 'a*[b]?').announce(POPULATION)
    await storeOn(redis, {}, undefined, 'axb!').announce(POPULATION)
    await redis.hset('axb!totals:{a00}', 'torrents', 7)
    await redis.zrem('a*[b]?torrents:{a00}', SMALL.toString('hex'))
    const { faults } = await audit(redis, { prefix: 'a*[b]?' })
    expect(faults.map(({ key }) => key)).toEqual([`a*[b]?swarm:{a00}:${SMALL.toString('hex')}`, 'a*[b]?totals:{a00}'])
  })

  it('tells how far it is', async () => {
    const told: AuditProgress[] = []
    const redis = await populated()
    await auditAll({ redis, keys: makeKeys(''), peerLifetimeS: 3900, onProgress: (progress) => told.push(progress) })
    expect(told.map(({ doing }) => doing)).toEqual(['names of keys', 'swarms', 'swarms'])
    expect(told.every(({ done, total }) => done <= total)).toBe(true)
    expect(told.at(-1)?.done).toBe(told.at(-1)?.total)
  })

  it.each([...SWARM_DAMAGES, ...CHUNK_DAMAGES, ...KEY_DAMAGES])(
    'tells $name, changes nothing unasked, and repairs it where asked',
    async (damage) => {
      const redis = await populated()
      const peers = await peersOf(redis)
      const key = await damage.inflict(redis)
      const before = await dump(redis)
      const found = await audit(redis)
      expect(found.faults).toContainEqual({
        ...{ key, check: damage.check, isRepaired: false },
        fault: expect.stringMatching(damage.fault),
      })
      expect(await dump(redis)).toEqual(before)
      await expectRepair(redis, damage, key)
      const left = await peersOf(redis)
      const lost = peers.filter((peer) => !left.includes(peer)).length
      if (damage.lost === 'some') expect(lost).toBeGreaterThan(0)
      else expect(lost).toBe(damage.lost ?? 0)
      await expectService(redis, damage.isKept ? [key] : [])
    },
  )

  async function expectRepair(redis: Redis, { check, fault, isKept = false }: Damage, key: string): Promise<void> {
    const { faults, drift, repaired } = await audit(redis, { repair: true })
    const told = faults.filter((each) => each.key === key && each.check === check && fault.test(each.fault))
    expect(told.map(({ isRepaired }) => isRepaired)).toContain(!isKept)
    expect(drift - repaired).toBe(isKept ? 1 : 0)
    const after = await audit(redis)
    expect(after.faults.map((each) => each.key)).toEqual(isKept ? [key] : [])
  }

  /** The tracker goes on with it, and all clients come back. */
  async function expectService(redis: Redis, kept: string[]): Promise<void> {
    for (const reply of await storeOn(redis).announce(POPULATION)) expect(reply.ok).toBe(true)
    expect((await audit(redis)).faults.map(({ key }) => key)).toEqual(kept)
    expect(await peersOf(redis)).toHaveLength(403)
  }
})

/** All peers of all swarms, each held against counts and pieces by a reader of its own. */
async function peersOf(redis: Redis): Promise<string[]> {
  const swarms = await Promise.all([SMALL, LARGE, EMPTIED].map((hash) => readSwarm(redis, hash.toString('hex'))))
  return swarms.flatMap((swarm, i) => [...(swarm?.peers.keys() ?? [])].map((id) => `${i} ${id}`))
}

/** All that is in a Redis. Sorted: in which order a hash answers may change by itself. */
async function dump(redis: Redis): Promise<Map<string, string>> {
  const keys = (await redis.keys('*')).sort()
  const held = await Promise.all(keys.map((key) => contentOf(redis, key)))
  return new Map(keys.map((key, i) => [key, held[i] ?? '']))
}

async function contentOf(redis: Redis, key: string): Promise<string> {
  const commands: Record<string, (string | number)[]> = {
    hash: ['HGETALL'],
    zset: ['ZRANGE', 0, -1, 'WITHSCORES'],
    list: ['LRANGE', 0, -1],
    string: ['GET'],
  }
  const [command, ...args] = commands[await redis.type(key)] ?? []
  const reply = (await redis.callBuffer(String(command), [key, ...args])) as Buffer | Buffer[]
  const parts = [reply].flat().map((part) => part.toString('hex'))
  if (command !== 'HGETALL') return parts.join(' ')
  const pairs = parts.flatMap((field, i) => (i % 2 === 0 ? [`${field} ${parts[i + 1]}`] : []))
  return pairs.sort().join('; ')
}
