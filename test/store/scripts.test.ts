import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { messageOf } from '../../lib/errors.ts'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeRecords, STORED_REPORT_BYTES } from '../../lib/store/records.ts'
import { loadScript, makeScript, runScript } from '../../lib/store/scripts.ts'
import { startRedis, useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()

const run = (redis: Redis, source: string, name = 'some') => runScript(redis, makeScript(name, source), [], [])
const problemOf = async (redis: Redis, source: string) => {
  const [result] = await Promise.allSettled([run(redis, source)])
  return result.status === 'rejected' ? messageOf(result.reason) : result.value
}
const READS = "#!lua flags=no-writes\nreturn redis.call('EXISTS', 'a')"
const WRITES = "return redis.call('INCR', 'a')"
const MAKES_ROOM = "#!lua flags=allow-oom\nreturn redis.call('DEL', 'a')"
/** Counts its own calls: what comes before its function is done once. */
const COUNTS = 'local calls = 0\nreturn function(KEYS, ARGV)\n  calls = calls + 1\n  return calls\nend'

async function libraries(redis: Redis): Promise<string[]> {
  const list = (await redis.call('FUNCTION', 'LIST', 'LIBRARYNAME', 'redswarm_*')) as string[][]
  return list.map(([, name = '']) => name)
}

describe('a script', () => {
  it('is made once, where it ends in a function, and else with each call', async () => {
    const { redis } = server()
    expect([await run(redis, COUNTS), await run(redis, COUNTS)]).toEqual([1, 2])
    const each = 'local calls = 0\ncalls = calls + 1\nreturn calls'
    expect([await run(redis, each), await run(redis, each)]).toEqual([1, 1])
  })

  it('is given its keys and arguments, and its flags', async () => {
    const { redis } = server()
    const script = makeScript('some', '#!lua flags=no-writes\nreturn { KEYS[1], ARGV[1], #KEYS, #ARGV }')
    expect(await runScript(redis, script, ['key'], ['argument', 2])).toEqual([
      Buffer.from('key'),
      Buffer.from('argument'),
      1,
      2,
    ])
    expect(await run(redis, "#!lua\nreturn 'of no flags'")).toEqual(Buffer.from('of no flags'))
    expect(await problemOf(redis, `#!lua flags=no-writes\n${WRITES}`)).toMatch(/Write commands are not allowed/)
  })

  it('of two versions runs side by side, neither in the place of the other', async () => {
    const { redis } = server()
    const [before, after] = ["return 'before'", "return 'after'"]
    for (let i = 0; i < 2; i++) {
      expect(await run(redis, before, 'versioned')).toEqual(Buffer.from('before'))
      expect(await run(redis, after, 'versioned')).toEqual(Buffer.from('after'))
    }
    const ids = [before, after].map((source) => makeScript('versioned', source).id)
    expect(await libraries(redis)).toEqual(expect.arrayContaining(ids))
    // Flags make another script, too.
    expect(makeScript('versioned', `#!lua flags=no-writes\n${before}`).id).not.toBe(ids[0])
    await redis.call('FUNCTION', 'DELETE', ids[0] as string)
    expect(await run(redis, before, 'versioned')).toEqual(Buffer.from('before'))
  })

  it('that fails is not run again', async () => {
    const { redis } = server()
    expect(await problemOf(redis, `${WRITES.slice('return '.length)}\nerror('Function not found')`)).toMatch(
      /not found/,
    )
    expect(await redis.get('a')).toBe('1')
  })

  it('is loaded again where functions are flushed in the middle of announces', async () => {
    const { redis } = server()
    const other = redis.duplicate()
    const store = storeOn(redis)
    let flushes = 0
    let isOver = false
    const flushing = (async () => {
      while (!isOver) {
        await other.function('FLUSH')
        flushes += 1
      }
    })()
    const replies: unknown[] = []
    for (let i = 0; i < 20; i++) {
      const crowd = Array.from({ length: 150 }, (_, k) => announceOf({ endpoint: at('192.0.2.1', 1000 + 150 * i + k) }))
      replies.push(...(await store.announce(crowd)))
    }
    isOver = true
    await flushing
    other.disconnect()
    expect(flushes).toBeGreaterThan(20)
    const served = replies.filter((reply) => (reply as { ok: boolean }).ok).length
    const counted = Number(await redis.hget(`swarm:{a00}:${hashOf('a').toString('hex')}`, 'leechers'))
    // What is flushed away again and again is given up, and said to be; nothing of it is done.
    expect(counted).toBe(served)
    expect(await store.announce([announceOf()])).toMatchObject([{ ok: true, leechers: counted + 1 }])
    expect((await auditAll({ redis, keys: makeKeys(''), peerLifetimeS: 3900 })).drift).toBe(0)
  })
})

describe('where Redis keeps no library', () => {
  it('a script that makes room, or only reads, runs in a memory that is full', async () => {
    const full = await startRedis('--maxmemory', '1', '--maxmemory-policy', 'noeviction')
    try {
      expect(await run(full.redis, MAKES_ROOM)).toBe(0)
      expect(await run(full.redis, READS)).toBe(0)
      expect(await problemOf(full.redis, WRITES)).toMatch(/^OOM/)
      expect(await libraries(full.redis)).toEqual([])
      // Nothing is kept there: what comes before the function is done with each call.
      const counts = `#!lua flags=allow-oom\n${COUNTS}`
      expect([await run(full.redis, counts), await run(full.redis, counts)]).toEqual([1, 1])
    } finally {
      await full.stop()
    }
  })

  it('a replica is read, and refuses what would be written', async () => {
    const replica = await startRedis()
    try {
      await replica.redis.call('REPLICAOF', '127.0.0.1', '1')
      expect(await run(replica.redis, READS)).toBe(0)
      expect(await problemOf(replica.redis, WRITES)).toMatch(/READONLY/)
      expect(await libraries(replica.redis)).toEqual([])
    } finally {
      await replica.stop()
    }
  })

  it('says what a user lacks who may load none', async () => {
    const { redis } = server()
    await redis.call('ACL', 'SETUSER', 'poor', 'on', '>secret', '~*', '&*', '+@all', '-function')
    const poor = redis.duplicate({ username: 'poor', password: 'secret' })
    try {
      const problem = await problemOf(poor, "return 'of the poor'")
      expect(problem).toMatch(/^cannot load the script some: NOPERM .*function\|load.* \(FUNCTION LOAD\)$/)
      // It runs what another user has loaded.
      await run(redis, "return 'of the poor'")
      expect(await run(poor, "return 'of the poor'")).toEqual(Buffer.from('of the poor'))
    } finally {
      poor.disconnect()
      await redis.call('ACL', 'DELUSER', 'poor')
    }
  })
})

describe('the script of an announce', () => {
  const records = makeRecords(makeKeys(''), true, Math.random)
  const recordOf = (passkey: string): Buffer => {
    const into = Buffer.alloc(records.recordBytesMax)
    return into.subarray(0, records.write(into, 0, announceOf({ passkey })))
  }
  const announce = (bytes: Buffer) =>
    runScript(server().redis, loadScript('announce'), [], ['', 3900, STORED_REPORT_BYTES, '', 1, '', bytes, 0])

  it('ends in an error where a record is cut short', async () => {
    const record = recordOf('')
    expect(await announce(record)).toHaveLength(2)
    for (const whole of [Buffer.alloc(0), record, Buffer.concat([record, record])]) {
      // Up to where the endpoint begins.
      for (let bytes = 2; bytes < record.length - 5; bytes += 9) {
        await expect(announce(Buffer.concat([whole, record.subarray(0, bytes)]))).rejects.toThrow(/too short|nil/)
      }
    }
    await expect(announce(recordOf('key').subarray(0, -4))).rejects.toThrow(/nil/)
  })
})
