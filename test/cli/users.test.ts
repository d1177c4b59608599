import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makePasskeyStore } from '../../lib/store/passkeys.ts'
import { makeWhitelist } from '../../lib/store/whitelist.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { call } from '../support/api.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { runCli } from '../support/cli.ts'
import { withProgram } from '../support/program.ts'
import { startRedis, type TestRedis, until } from '../support/redis.ts'
import { connected, overHttp, overUdp } from '../support/speaker.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'
import { TOKEN, withTracker } from '../support/tracker.ts'
import { addUsers, refusalsOf, usersOf } from '../support/users.ts'

const HEX = hashOf('a').toString('hex')
const PASSKEY = 'pWz0gjDUPyAdPPelT7inkkInZIxFl9lB'
const SHORT = {
  ...{ REDSWARM_ANNOUNCE_INTERVAL_S: '1', REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1' },
  ...{ REDSWARM_PEER_LIFETIME_S: '4', REDSWARM_SWEEP_INTERVAL_S: '1' },
}
const CLOSED = { REDSWARM_PRIVATE: 'true', REDSWARM_LISTED: 'true' }

let server: TestRedis
beforeAll(async () => {
  server = await startRedis()
  await addUsers(server.redis)
})
afterAll(() => server?.stop())
beforeEach(async () => {
  await server.redis.flushall()
  await server.redis.call('FUNCTION', 'FLUSH')
  await server.redis.call('ACL', 'LOG', 'RESET')
})

const urlOf = (user: string) => server.url.replace('unix://', `unix://${user}:change-me-${user}@`)

/** Has a passkey and a torrent that a private, listed tracker serves. */
async function letIn(): Promise<void> {
  const { redis } = server
  const keys = makeKeys('')
  await makePasskeyStore({ redis, keys }).put({ passkey: PASSKEY, validUntilS: undefined })
  await makeWhitelist({ redis, keys }).add([hashOf('a')])
}

describe('the users of infra/redis/users.acl', () => {
  it.each(['udp', 'http'] as const)('let a frontend do all that it does: %s', async (role) => {
    await letIn()
    await withTracker(urlOf(role), { roles: [role], settings: CLOSED }, async (tracker) => {
      const speak = role === 'udp' ? overUdp(await connected(tracker)) : overHttp(tracker)
      let moved = 0
      for (const event of ['started', 'none', 'completed', 'stopped', 'started'] as const)
        expect(await speak(`/announce/${PASSKEY}`, { event, uploaded: moved++, left: 0 })).toBe('ok')
      const second = PASSKEY.replace('p', 'q')
      expect(await speak(`/announce/${second}`)).not.toBe('ok')
      await makePasskeyStore({ redis: server.redis, keys: makeKeys('') }).put({
        passkey: second,
        validUntilS: undefined,
      })
      await until('the new key to be heard of', async () => (await speak(`/announce/${second}`)) === 'ok')
      await until('counts to be there', async () => (await server.redis.hlen('stats')) > 0)
    })
    expect(await server.redis.hget('accounts:{a00}', `${PASSKEY}:up`)).toBe('4')
    expect(await refusalsOf(server.redis)).toEqual([])
  })

  it('let a frontend serve who is there where Redis is full', async () => {
    await withTracker(urlOf('udp'), { roles: ['udp'] }, async (tracker) => {
      const client = await connected(tracker)
      await client.announce()
      await server.redis.call('FUNCTION', 'FLUSH')
      await server.redis.config('SET', 'maxmemory', 1)
      onTestFinished(() => void server.redis.config('SET', 'maxmemory', 0))
      expect(await client.scrape([hashOf('a')])).toMatchObject([{ leechers: 1 }])
    })
    expect(await refusalsOf(server.redis)).toEqual([])
  })

  it('let the sweeper sweep and rank', async () => {
    const { redis } = server
    await makePasskeyStore({ redis, keys: makeKeys('') }).put({ passkey: PASSKEY, validUntilS: 1 })
    await redis.hset('bans', '192.0.2.1', 1)
    await redis.hset('denied', HEX, 1)
    await withTracker(urlOf('udp'), { roles: ['udp'], settings: SHORT }, async (tracker) => {
      const client = await connected(tracker)
      for (let i = 0; i < 300; i++) await client.announce({ port: 1000 + i, left: 0n })
      await withTracker(urlOf('sweeper'), { roles: ['sweeper'], settings: SHORT }, async () => {
        await until('the ranking', async () => (await redis.exists('ranks:{seeders}')) === 1, 15_000)
        await until('what is over to go', async () => (await redis.exists('keys', 'bans', 'denied')) === 0)
        await until('the peers to go', async () => (await redis.exists(`swarm:{a00}:${HEX}`)) === 0, 15_000)
      })
    })
    expect(await refusalsOf(redis)).toEqual([])
  }, 60_000)

  it('let the API answer all that it is asked, and change what it changes', async () => {
    const { redis } = server
    await withTracker(urlOf('udp'), { roles: ['udp'] }, async (tracker) =>
      (await connected(tracker)).announce({ left: 0n, event: 1 }),
    )
    await redis.zadd('ranks:{seeders}', 1, HEX)
    await withTracker(urlOf('api'), { roles: ['api'] }, async ({ apiUrl, metricsUrl }) => {
      const ask = async (path: string, method = 'GET') => {
        const { status } = await call(`${apiUrl}/api/${path}`, { method, token: TOKEN })
        expect([path, status]).toEqual([path, 200])
      }
      for (const path of ['stats', 'torrents', `torrent/${HEX}`, 'metrics', 'keys/reload', 'whitelist/reload'])
        await ask(`v1/${path}`)
      await ask(`v1/whitelist/${HEX}`, 'POST')
      await ask('v1/key/60', 'POST')
      const [passkey = ''] = await redis.hkeys('keys')
      const ranked = ['seeders', 'leechers', 'completed'].map((by) => `torrents/ranked?by=${by}`)
      const ofOne = [`torrents/${HEX}`, `torrents/${HEX}/peers`, `whitelist/${HEX}`, `keys/${passkey}`]
      const ofAll = [
        'torrents',
        'stats',
        'instances',
        'tracker',
        'whitelist',
        'keys',
        'accounts',
        'export',
        'events/recent',
      ]
      for (const path of [...ranked, ...ofOne, ...ofAll]) await ask(`v2/${path}`)
      await ask(`v1/whitelist/${HEX}`, 'DELETE')
      await ask(`v1/key/${passkey}`, 'DELETE')
      await redis.hset('accounts:{a00}', `${PASSKEY}:up`, 1)
      await ask(`v2/accounts/${PASSKEY}`, 'DELETE')
      const body = await (await fetch(`${metricsUrl}/metrics`)).text()
      expect(body).toContain('redswarm_torrents 1')
      for (const stream of ['events', 'live']) {
        const ended = new AbortController()
        const headers = { authorization: `Bearer ${TOKEN}`, ...(stream === 'events' && { 'last-event-id': '0-0' }) }
        const { body: stream_ } = await fetch(`${apiUrl}/api/v2/${stream}`, { signal: ended.signal, headers })
        await stream_?.getReader().read()
        ended.abort()
      }
    })
    expect(await refusalsOf(redis)).toEqual([])
  })

  it('let an operator look and change', async () => {
    await withTracker(urlOf('udp'), { roles: ['udp'] }, async (tracker) =>
      (await connected(tracker)).announce({ left: 0n }),
    )
    const commands = [
      ...['status', 'top --once', 'audit', 'audit --repair', 'torrents', 'torrents --by seeders', `swarm ${HEX}`],
      ...['keys add', 'keys list', `keys remove ${PASSKEY}`, `whitelist add ${HEX}`, 'whitelist list'],
      ...[`whitelist remove ${HEX}`, 'ban add 192.0.2.0/24', 'ban list', 'ban remove 192.0.2.0/24'],
      ...[`deny add ${HEX}`, 'clients list'],
    ]
    for (const command of commands) {
      const { stderr } = await runCli(command.split(' '), { REDSWARM_REDIS_URL: urlOf('operator') })
      expect([command, stderr]).toEqual([command, expect.not.stringContaining('Redis')])
    }
    const { path: folder, remove } = await temporaryFolder('users')
    onTestFinished(remove)
    const file = join(folder, 'all.jsonl')
    for (const args of [
      ['export', '--with-secret', file],
      ['import', '--merge', file],
    ]) {
      const { stderr } = await runCli(args, { REDSWARM_REDIS_URL: urlOf('operator') })
      expect([args[0], stderr]).toEqual([args[0], expect.not.stringContaining('NOPERM')])
    }
    // A busy machine makes calls slow.
    await server.redis.call('SLOWLOG', 'RESET')
    const { stdout } = await runCli(['doctor'], { REDSWARM_REDIS_URL: urlOf('operator') })
    expect(stdout).toMatch(/fine +slow log/)
    expect(stdout).toMatch(/fine +appendfsync|appendfsync everysec|persistence/)
    expect(stdout).not.toContain('refuses')
    expect(await refusalsOf(server.redis)).toEqual([])
  }, 120_000)

  it('tell who has not the rights of a command, or of a role, what to do', async () => {
    const { stderr } = await runCli(['status'], { REDSWARM_REDIS_URL: urlOf('http') })
    expect(stderr).toMatch(/^redswarm: Redis refuses: NOPERM.*\n {2}.*infra\/redis\/users\.acl/)
    await withProgram(['sweeper'], { REDSWARM_REDIS_URL: urlOf('operator') }, async (program) => {
      expect(await program.ended()).toBe(1)
      // Not with the whole script that was refused.
      expect(program.stderr()).toMatch(
        /^redswarm: Redis refuses to serve: .{1,400}\n {2}.*infra\/redis\/users\.acl.*\n$/,
      )
    })
    await server.redis.call('ACL', 'LOG', 'RESET')
  })

  const NEVER = [
    ...['FLUSHALL', 'FLUSHDB', 'KEYS *', 'CONFIG SET maxmemory 1', 'CONFIG REWRITE', 'SHUTDOWN', 'MONITOR'],
    ...['ACL LIST', 'ACL SETUSER x on', 'FUNCTION FLUSH', 'FUNCTION DELETE redswarm', 'SCRIPT FLUSH', 'SWAPDB 0 1'],
    ...[
      'REPLICAOF NO ONE',
      'CLIENT KILL TYPE normal',
      'CLIENT LIST',
      'MIGRATE h 1 k 0 1',
      'SAVE',
      'GET elsewhere',
      'SET elsewhere 1',
    ],
    ...['SUBSCRIBE elsewhere', 'PUBLISH elsewhere x', 'SORT stats', 'RENAME stats elsewhere', 'COPY stats elsewhere'],
    'CLUSTER RESET',
  ]
  const MORE: Record<string, string[]> = {
    udp: [
      'GET {redswarm}:sweeper:id',
      'HSET keys x 0',
      'HSET bans x 0',
      'HSET denied x 0',
      'XADD {clients}:changes * a b',
      'PUBLISH keys:changes x',
      'SADD whitelist:{a00} x',
      'HGETALL audit',
      'CONFIG GET *',
      'SLOWLOG GET',
      'SCAN 0',
      'ZRANGE ranks:{seeders} 0 1',
    ],
    http: [
      'GET secret',
      'SET secret x',
      'HSET keys x 0',
      'INCR {bans}:version',
      'HGETALL audit',
      'CONFIG GET *',
      'SLOWLOG GET',
      'SCAN 0',
    ],
    api: [
      'GET secret',
      'HSET swarm:{a00}:x s 1',
      'ZADD torrents:{a00} 1 x',
      'HSET totals:{a00} x 1',
      'ZADD ranks:{seeders} 1 x',
      'HSET sweeper x 0',
      'HSET stats x 1',
      'GET {redswarm}:x',
      'CONFIG GET *',
      'SCAN 0',
    ],
    sweeper: ['GET secret', 'SADD whitelist:{a00} x', 'CONFIG GET *', 'SCAN 0', 'HGETALL audit'],
    operator: ['SLOWLOG RESET'],
    replica: ['GET stats', 'INFO'],
    sentinel: ['GET stats', 'CONFIG SET a b'],
  }
  /** A Sentinel makes masters of replicas, and others the other way round. */
  const RIGHTS_OF_SENTINEL = /^sentinel (?:CONFIG REWRITE|REPLICAOF|CLIENT KILL|SUBSCRIBE|PUBLISH)/
  it.each(Object.keys(MORE))('refuse the rest: %s', async (user) => {
    const redis = new Redis({
      path: server.socket,
      protocol: 2,
      username: user,
      password: `change-me-${user}`,
      enableReadyCheck: false,
      disableClientInfo: true,
    })
    onTestFinished(() => redis.disconnect())
    const allowed: string[] = []
    for (const command of [
      ...NEVER.filter((each) => !RIGHTS_OF_SENTINEL.test(`${user} ${each}`)),
      ...(MORE[user] ?? []),
    ]) {
      const [name = '', ...args] = command.split(' ')
      const problem = await redis.call(name, ...args).then(
        () => 'done',
        ({ message }: Error) => message,
      )
      if (!problem.startsWith('NOPERM')) allowed.push(`${command}: ${problem}`)
    }
    expect(allowed).toEqual([])
  })

  it.each(['udp', 'http'] as const)('let a frontend keep a swarm that grows large, and shrinks: %s', async (role) => {
    const redis = await connectRedis(urlOf(role))
    onTestFinished(() => redis.disconnect())
    const store = storeOn(redis)
    const peers = Array.from({ length: 400 }, (_, i) => announceOf({ endpoint: at('192.0.2.1', 1 + i) }))
    for (const event of [EVENT.started, EVENT.completed, EVENT.stopped]) {
      const announces = peers.map((peer) => ({ ...peer, event, isSeeder: event !== EVENT.started }))
      for (const reply of await store.announce(announces)) expect(reply).toMatchObject({ ok: true })
    }
    expect(await refusalsOf(server.redis)).toEqual([])
  })

  it('let nobody in without a user', async () => {
    expect((await usersOf()).get('default')).toEqual(['off', 'resetkeys', 'resetchannels', '-@all'])
  })
})
