import type { Redis } from 'ioredis'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { keepPeopleLibrary, loadPeopleLibrary, peopleLibrary } from '../../lib/store/people-library.ts'
import { show } from '../support/people.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'

const server = useRedis()

/** A log, and the lines that were written to it. */
function keptLog() {
  const lines: { level: number; msg: string; problem?: string }[] = []
  return { lines, log: pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) }) }
}

async function isLoaded(redis: Redis): Promise<boolean> {
  return ((await redis.call('FUNCTION', 'LIST', 'LIBRARYNAME', 'redswarm')) as unknown[]).length === 1
}

const loadsOf = async (redis: Redis) =>
  Number(/cmdstat_function\|load:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)

const refusalsOf = async (redis: Redis) =>
  Number(/cmdstat_function\|load:.*rejected_calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)

/** A connection as another user, without what these rules take away. */
async function userOf(redis: Redis, ...rules: string[]): Promise<Redis> {
  await redis.call('ACL', 'SETUSER', 'poor', 'reset', 'on', '>secret', '~*', '&*', '+@all', ...rules)
  const poor = redis.duplicate({ username: 'poor', password: 'secret' })
  onTestFinished(async () => {
    poor.disconnect()
    await redis.call('ACL', 'DELUSER', 'poor')
  })
  return poor
}

describe('the library of functions for people', () => {
  it('is loaded where it is not there as it is, and only there', async () => {
    const { redis } = server()
    await redis.call('FUNCTION', 'FLUSH')
    await redis.config('RESETSTAT')
    for (let i = 0; i < 3; i++) await loadPeopleLibrary(redis)
    expect(await loadsOf(redis)).toBe(1)
    await redis.call('FUNCTION', 'LOAD', 'REPLACE', peopleLibrary().replace('no such swarm', 'of another version'))
    expect(
      (await redis.call('FCALL_RO', 'redswarm_swarm', 1, 'torrents:{000}', '0'.repeat(40))) as string[],
    ).toContainEqual(expect.stringMatching(/^of another version/))
    await loadPeopleLibrary(redis)
    expect((await show(redis, 'redswarm_swarm', 1, 'torrents:{000}', '0'.repeat(40)))[0]).toMatch(/^no such swarm/)
    expect(await loadsOf(redis)).toBe(3)
    expect(await auditAll({ redis, keys: makeKeys(''), peerLifetimeS: 3900 })).toMatchObject({ drift: 0, faults: [] })
  })

  it('needs no more than FUNCTION LOAD', async () => {
    const { redis } = server()
    await redis.call('FUNCTION', 'FLUSH')
    await loadPeopleLibrary(await userOf(redis, '-function', '+function|load'))
    expect(await isLoaded(redis)).toBe(true)
  })

  it('is loaded by every role that starts, and again where Redis comes back without it', async () => {
    const { redis, url } = server()
    for (const role of ['udp', 'http', 'api', 'sweeper'] as const) {
      await redis.call('FUNCTION', 'FLUSH')
      await withTracker(url, { roles: [role] }, async () => {
        expect(await isLoaded(redis), role).toBe(true)
        await redis.call('FUNCTION', 'DELETE', 'redswarm')
        await redis.call('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES')
        await until('the library to be back', () => isLoaded(redis))
      })
    }
  })
})

describe('where it cannot be loaded', () => {
  it('one line of the log says what is missing, and a tracker starts', async () => {
    const { redis, url } = server()
    await redis.call('FUNCTION', 'FLUSH')
    await userOf(redis, '-function|load')
    await redis.config('RESETSTAT')
    const { lines, log } = keptLog()
    // The API needs no script to start.
    await withTracker(url.replace('unix://', 'unix://poor:secret@'), { roles: ['api'], log }, async ({ apiUrl }) => {
      expect((await fetch(`${apiUrl}/api/health_check`)).status).toBe(200)
      await redis.call('CLIENT', 'KILL', 'USER', 'poor')
      await until('it to be tried again', async () => (await refusalsOf(redis)) === 2)
    })
    const told = lines.filter(({ msg }) => msg.includes('redis-cli'))
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({
      ...{ level: 40, problem: expect.stringMatching(/^NOPERM/) },
      msg: 'redis-cli lacks the functions of docs/redis-cli.md: the Redis user needs +function|load',
    })
  })

  it.each([
    ['a memory that is full', ['--maxmemory', '1'], [], /memory is full; they are loaded at the next start$/],
    ['a replica', [], ['REPLICAOF', '127.0.0.1', '1'], /a replica takes none; it has those of its master$/],
  ] as const)('%s is told of', async (_, args, command, told) => {
    const other = await startRedis(...args)
    onTestFinished(other.stop)
    if (command.length > 0) await other.redis.call(...(command as unknown as [string, ...string[]]))
    const { lines, log } = keptLog()
    await keepPeopleLibrary(other.redis, log)
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringMatching(told)])
  })
})
