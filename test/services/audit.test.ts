import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { makeAuditRecorder } from '../../lib/store/audit/report.ts'
import { fieldsOf } from '../../lib/store/check-server.ts'
import { auditText } from '../../services/cli/audit-text.ts'
import type { Paint } from '../../services/cli/paint.ts'
import { freePort } from '../support/free-port.ts'
import { withProgram } from '../support/program.ts'
import { startRedis, useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

type Ended = { code: number | null; stdout: string; stderr: string }

/** Runs `redswarm audit` as its user does. */
const audit = (env: Record<string, string>, ...args: string[]): Promise<Ended> =>
  withProgram(['audit', ...args], env, async (program) => {
    const code = await program.ended()
    return { code, stdout: program.stdout(), stderr: program.stderr() }
  })

const A = hashOf('a').toString('hex')
const SWARM = `swarm:{a00}:${A}`

describe('redswarm audit', () => {
  const server = useRedis()
  const env = (more: Record<string, string> = {}) => ({ REDSWARM_REDIS_URL: server().url, ...more })
  const populate = (prefix = '') =>
    storeOn(server().redis, {}, undefined, prefix).announce([
      announceOf({ isSeeder: true }),
      announceOf({ endpoint: at('2001:db8::1') }),
    ])

  it('ends with 0 where nothing is wrong, and says what it looked at in a table that lines up', async () => {
    await populate()
    const { code, stdout, stderr } = await audit(env())
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.split('\n')).toEqual([
      `  Auditing ${server().url} (peer lifetime 3900 s)`,
      '',
      '  check      looked at           faults  repaired',
      '  keys               2 keys           0         0',
      '  index              1 torrents       0         0',
      '  due times          1 torrents       0         0',
      '  counts             1 torrents       0         0',
      '  peers              2 peers          0         0',
      '  pieces             2 pieces         0         0',
      '  completed          0 torrents       0         0',
      '  totals             1 shards         0         0',
      '',
      '  drift: 0  all is as the peers stored say',
      '',
    ])
  })

  it('ends with 1 where there is drift: names the key, what is wrong and what to do; then repairs it', async () => {
    await populate()
    const { redis } = server()
    await redis.hset(SWARM, 'seeders', 7)
    const found = await audit(env())
    expect(found.code).toBe(1)
    expect(found.stdout).toContain(`\n  ${SWARM} says "7" for its seeders, and its head 1\n`)
    expect(found.stdout).toMatch(/\n {2}drift: 1\n.*redswarm audit --repair/)
    expect(await redis.hget(SWARM, 'seeders')).toBe('7')
    const repaired = await audit(env(), '--repair')
    expect(repaired.code).toBe(1)
    expect(repaired.stdout).toContain('and its head 1 (repaired)\n')
    expect(repaired.stdout).toContain('drift: 1, all of it repaired\n')
    expect(await redis.hget(SWARM, 'seeders')).toBe('1')
    expect((await audit(env())).code).toBe(0)
  })

  it('prints one JSON object with --json, and keeps the result in Redis for a metric', async () => {
    await populate('our-')
    const { redis } = server()
    await redis.hset('our-totals:{a00}', 'torrents', 3)
    const { code, stdout, stderr } = await audit(env({ REDSWARM_KEY_PREFIX: 'our-' }), '--json', '--repair')
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    const report = JSON.parse(stdout)
    expect(report).toMatchObject({ redis: server().url, torrents: 1, peers: 2, drift: 1, repaired: 1, notCompared: [] })
    expect(report.faults).toEqual([
      {
        ...{ key: 'our-totals:{a00}', check: 'totals', isRepaired: true },
        fault: 'says 3 for torrents, and its swarms 1',
      },
    ])
    const kept = { at: String(report.atS), torrents: '1', peers: '2', drift: '1', repaired: '1' }
    expect(await redis.hgetall('our-audit')).toEqual(kept)
    const [nowS] = await redis.time()
    expect(Math.abs(Number(nowS) - report.atS)).toBeLessThan(60)
  })

  it('tells what is left to the operator, and ends with 1 as long as it is there', async () => {
    await populate()
    await server().redis.set('whitelist:{a00}', 'a text')
    const { code, stdout } = await audit(env(), '--repair')
    expect(code).toBe(1)
    expect(stdout).toMatch(/whitelist:\{a00\} is a string, and must be a set: rename it.*\(not repaired\)/)
    expect(stdout).toContain('drift: 1, 0 repaired\n  What is left is yours to look at')
    expect(await server().redis.get('whitelist:{a00}')).toBe('a text')
  })

  it('shows the first 20 faults, and how many more there are', async () => {
    const store = storeOn(server().redis)
    const hashes = Array.from({ length: 30 }, (_, i) => hashOf(`a${String(i).padStart(2, '0')}`))
    await store.announce(hashes.map((infoHash) => announceOf({ infoHash })))
    for (const hash of hashes) {
      const hex = hash.toString('hex')
      await server().redis.hset(`swarm:{${hex.slice(0, 3)}}:${hex}`, 'seeders', 'x')
    }
    const { stdout } = await audit(env())
    expect(stdout.split('\n').filter((line) => line.includes('says "x"'))).toHaveLength(20)
    expect(stdout).toContain('… and 10 more (--json has them)')
    expect(JSON.parse((await audit(env(), '--json')).stdout).faults).toHaveLength(30)
  })

  it('lets no key of somebody else write to the terminal', async () => {
    await server().redis.set('swarm:\x1b[2J\nbees', 'x')
    const { stdout } = await audit(env())
    expect(stdout).toContain(String.raw`swarm:\x1b[2J\x0abees has a name like our keys and is none`)
    expect(stdout).not.toContain('\x1b')
  })

  it('finds the private Redis of a tracker that runs, and says what to do where none does', () =>
    withProgram(['up'], {}, async (tracker) => {
      await tracker.serving()
      const own = { REDSWARM_DATA_DIR: tracker.dataDir }
      const redis = new Redis({ path: join(tracker.dataDir, 'redis.sock'), protocol: 2 })
      redis.on('error', () => {})
      await storeOn(redis).announce([announceOf()])
      const redisPid = Number(fieldsOf(await redis.info('server')).get('process_id'))
      redis.disconnect()
      const running = await audit(own, '--json')
      expect(running.code).toBe(0)
      expect(JSON.parse(running.stdout)).toMatchObject({ torrents: 1, drift: 0 })
      expect(JSON.parse(running.stdout).redis).toContain(tracker.dataDir)
      // Both killed: the socket is left, and nobody listens on it.
      await tracker.end('SIGKILL')
      process.kill(redisPid, 'SIGKILL')
      const stopped = await audit(own)
      expect(stopped).toMatchObject({ code: 2, stdout: '' })
      expect(stopped.stderr).toMatch(/no tracker runs on .*\n {2}start it .*REDSWARM_REDIS_URL/)
    }))

  it('says of a wrong password what Redis says, and not the password', async () => {
    const port = await freePort()
    const closed = await startRedis('--port', String(port))
    await closed.redis.config('SET', 'requirepass', 'right')
    try {
      const url = `redis://:hunter2@127.0.0.1:${port}`
      for (const args of [['audit'], ['udp']]) {
        await withProgram(args, { REDSWARM_REDIS_URL: url }, async (program) => {
          expect(await program.ended()).not.toBe(0)
          expect(program.stderr()).toContain('WRONGPASS')
          expect(program.stdout() + program.stderr()).not.toContain('hunter2')
        })
      }
    } finally {
      await closed.stop()
    }
  })

  it('comes to its end, and ends with what it found, where nobody reads on', async () => {
    await populate()
    await withProgram(['audit'], env(), async (program) => {
      program.process.stdout?.destroy()
      expect([await program.ended(), program.stderr()]).toEqual([0, ''])
    })
    expect(await server().redis.hget('audit', 'drift')).toBe('0')
  })

  it('makes no data folder where there is none', async () => {
    const dataDir = join(tmpdir(), `redswarm-test-none-${process.pid}`)
    expect((await audit({ REDSWARM_DATA_DIR: dataDir })).code).toBe(2)
    expect(existsSync(dataDir)).toBe(false)
  })

  it('ends with 2 where it cannot run: Redis away, another layout, a bad option, a bad setting', async () => {
    const away = await audit({ REDSWARM_REDIS_URL: 'redis://user:hunter2@127.0.0.1:1' })
    expect(away).toMatchObject({ code: 2, stdout: '' })
    expect(away.stderr).toContain('cannot reach Redis at redis://127.0.0.1:1')
    expect(away.stderr).not.toMatch(/hunter2| {4}at /)
    await server().redis.set('schema', '7')
    const other = await audit(env(), '--repair')
    expect(other).toMatchObject({ code: 2, stdout: '' })
    expect(other.stderr).toContain('has layout 7')
    expect((await audit(env(), '--mend')).code).toBe(2)
    expect((await audit(env({ REDSWARM_PEER_LIFETIME_S: '1' }))).code).toBe(2)
    expect((await audit({}, '--help')).code).toBe(0)
  })

  it('audits and repairs a Redis whose memory is full, and says that it cannot keep its result there', async () => {
    await populate()
    const { redis } = server()
    await redis.hset(SWARM, 'seeders', 7)
    await redis.config('SET', 'maxmemory', '1')
    try {
      const { code, stderr, stdout } = await audit(env(), '--repair')
      expect(stdout).toContain('drift: 1, all of it repaired')
      expect(code).toBe(1)
      expect(stderr).toMatch(/the result is not kept in audit for the metrics: OOM/)
    } finally {
      await redis.config('SET', 'maxmemory', '0')
    }
  })

  it('audits a replica, which takes no writes', async () => {
    await populate()
    const replica = await startRedis()
    try {
      const { redis } = replica
      await redis.restore(SWARM, 0, (await server().redis.dumpBuffer(SWARM)) as Buffer)
      await redis.zadd('torrents:{a00}', 1, A)
      await redis.hset('totals:{a00}', { torrents: 1, seeders: 1, leechers: 1 })
      await redis.replicaof('127.0.0.1', 1)
      const { code, stderr } = await audit({ REDSWARM_REDIS_URL: replica.url })
      expect(code).toBe(0)
      expect(stderr).toMatch(/the result is not kept in audit for the metrics: READONLY/)
    } finally {
      await replica.stop()
    }
  })

  it('ends with 2 where Redis goes away meanwhile', () =>
    withCut('SCAN', server().socket, async (socket) => {
      const { code, stderr } = await audit({ REDSWARM_REDIS_URL: `unix://${socket}` })
      expect(code).toBe(2)
      expect(stderr).toMatch(/the audit did not come to its end.*\n.*Run it again/)
    }))
})

/** Runs a test with a way to a Redis that is cut for good once a command comes along it. */
async function withCut(command: string, redisSocket: string, test: (socket: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
  const way = createServer((client) => {
    const redis = createConnection(redisSocket)
    const cut = () => {
      way.close()
      client.destroy()
      redis.destroy()
    }
    client.on('data', (bytes) => (bytes.includes(command) ? cut() : redis.write(bytes))).on('error', cut)
    redis.on('data', (bytes) => client.write(bytes)).on('error', cut)
    client.on('close', () => redis.destroy())
  })
  try {
    way.listen(join(folder, 's'))
    await once(way, 'listening')
    await test(join(folder, 's'))
  } finally {
    way.close()
    await rm(folder, { recursive: true, force: true })
  }
}

describe('the text of an audit', () => {
  it('is coloured where there is a terminal, row by row', () => {
    const recorder = makeAuditRecorder()
    recorder.fault('counts', 'a key', 'is wrong', true)
    recorder.fault('keys', 'another', 'is wrong', false)
    const paint: Paint = (style, text) => `<${style}>${text}</${style}>`
    const text = auditText(recorder.report(0), true, paint)
    expect(text).toMatch(/<dim> {2}check .*<\/dim>\n<red> {2}keys .*<\/red>\n {2}index/)
    expect(text).toContain('  a key is wrong<green> (repaired)</green>')
    expect(text).toContain('  another is wrong<yellow> (not repaired)</yellow>')
    expect(text).toContain('<red>drift: 2</red>, 1 repaired')
  })
})
