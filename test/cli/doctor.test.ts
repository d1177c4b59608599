import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/at-exit.ts'
import { runCli } from '../support/cli.ts'
import { until, useRedis } from '../support/redis.ts'
import { startTracker, type TestTracker } from '../support/tracker.ts'

const server = useRedis()
let tracker: TestTracker
beforeAll(async () => {
  tracker = await startTracker(server().url, { roles: ['udp', 'sweeper'] })
})
afterAll(() => tracker?.stop())

/** What the command finds, as JSON. */
async function doctorOf() {
  const { code, stdout } = await runCli(['doctor', '--json'], { REDSWARM_REDIS_URL: server().url })
  return { code, body: JSON.parse(stdout) }
}

describe('redswarm doctor', () => {
  it('tells what it found and what to do, the worst first, and ends with 1', async () => {
    await until('the tracker to tell of itself', async () => (await server().redis.hlen('instances')) > 0)
    await server().redis.config('SET', 'appendfsync', 'always')
    expect((await doctorOf()).body.findings).not.toContainEqual(expect.objectContaining({ about: 'appendfsync' }))
    await server().redis.config('SET', 'appendonly', 'yes')
    await server().redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    try {
      const { code, body } = await doctorOf()
      expect(code).toBe(1)
      expect(body.complete).toBe(true)
      const [first] = body.findings
      expect(first).toMatchObject({
        severity: 'critical',
        about: 'Redis',
        found: expect.stringContaining('would evict'),
      })
      expect(body.findings).toContainEqual(expect.objectContaining({ severity: 'warning', about: 'appendfsync' }))
      const abouts = body.findings.map(({ about }: { about: string }) => about)
      for (const about of ['latency', 'clock', 'slow log', 'processes', 'sweeps', 'audit', 'settings', 'open files'])
        expect(abouts).toContain(about)
    } finally {
      await server().redis.config('SET', 'appendonly', 'no')
      await server().redis.config('SET', 'appendfsync', 'everysec')
      await server().redis.config('SET', 'maxmemory-policy', 'noeviction')
    }
  })

  it('goes on where Redis refuses CONFIG and SLOWLOG, and says what it could not look at', async () => {
    await server().redis.call('ACL', 'SETUSER', 'managed', 'on', '>secret', '~*', '&*', '+@all', '-config', '-slowlog')
    const { stdout } = await runCli(['doctor'], {
      REDSWARM_REDIS_URL: server().url.replace('unix://', 'unix://managed:secret@'),
    })
    expect(stdout).toMatch(/unknown +appendfsync +Redis refuses it: NOPERM/)
    expect(stdout).toMatch(/unknown +slow log +Redis refuses it: NOPERM/)
    expect(stdout).toMatch(/fine +latency/)
  })

  it('tells bad settings one by one, and ends with 2', async () => {
    const { code, stdout } = await runCli(['doctor'], { REDSWARM_UPD: '1', REDSWARM_LISTED: 'perhaps' })
    expect(code).toBe(2)
    expect(stdout).toMatch(
      /critical {2}settings +REDSWARM_UPD: no such setting\n {2}critical {2}settings +REDSWARM_LISTED/,
    )
  })

  it('tells that the settings of a folder cannot be read', async () => {
    const { path, remove } = await temporaryFolder('test')
    try {
      await mkdir(join(path, '.env'))
      const { code, stdout } = await runCli(['doctor'], {}, '', path)
      expect(code).toBe(2)
      expect(stdout).toMatch(/: 1 thing is wrong\n\n {2}critical {2}settings +cannot read \.env: EISDIR/)
    } finally {
      await remove()
    }
  })

  it('ends where Redis does not even tell the time', async () => {
    await server().redis.call('ACL', 'SETUSER', 'timeless', 'on', '>secret', '~*', '&*', '+@all', '-time')
    const { code, stdout } = await runCli(['doctor'], {
      REDSWARM_REDIS_URL: server().url.replace('unix://', 'unix://timeless:secret@'),
    })
    expect(code).toBe(2)
    expect(stdout).toMatch(/critical {2}Redis +cannot reach Redis at .*NOPERM/)
  })

  it('says where settings do not fit to what is in Redis', async () => {
    const env = {
      REDSWARM_REDIS_URL: server().url,
      REDSWARM_LISTED: 'true',
      REDSWARM_PRIVATE: 'true',
      REDSWARM_PEER_DETAILS: 'false',
    }
    const { stdout } = await runCli(['doctor'], env)
    expect(stdout).toContain('REDSWARM_LISTED, and nothing is listed')
    expect(stdout).toContain('REDSWARM_PRIVATE, and there is no key')
    expect(stdout).toContain('what each key moves is not counted')
  })
})
