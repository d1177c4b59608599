import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Snapshot } from '../../services/api/v2/live-schemas.ts'
import { runCli } from '../support/cli.ts'
import { startCluster, type TestCluster } from '../support/cluster.ts'
import { followLive } from '../support/live.ts'
import { startRedis, until } from '../support/redis.ts'
import { startSentinels, type TestSentinels } from '../support/sentinel.ts'
import { connected } from '../support/speaker.ts'
import { withTracker } from '../support/tracker.ts'

type Found = { severity: string; about: string; found: string }

/** What `redswarm doctor` finds. */
async function diagnose(url: string): Promise<Found[]> {
  const { stdout, stderr } = await runCli(['doctor', '--json'], { REDSWARM_REDIS_URL: url })
  expect(stderr).toBe('')
  return JSON.parse(stdout).findings
}

describe('of a Cluster, those who look', () => {
  let cluster: TestCluster
  let names: string[]
  beforeAll(async () => {
    cluster = await startCluster()
    names = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`)
  }, 30_000)
  afterAll(() => cluster?.stop())

  it('are told by doctor of each master by its name, and of what is wrong with all together', async () => {
    const findings = await diagnose(cluster.url)
    const foundOf = (about: string) => findings.filter((each) => each.about === about).map(({ found }) => found)
    for (const about of ['latency', 'slow log', 'memory', 'persistence', 'connections'])
      expect([
        about,
        foundOf(about)
          .map((found) => found.split(': ')[0])
          .sort(),
      ]).toEqual([about, names.toSorted()])
    const told = (severity: string, about: string) =>
      findings.filter((each) => each.severity === severity && each.about === about).map(({ found }) => found)
    expect(told('fine', 'Cluster')).toEqual(['3 masters have all slots'])
    const [alone = ''] = told('warning', 'Cluster')
    const [stopping = ''] = told('warning', 'coverage')
    expect(alone).toContain('no replica follows')
    expect(stopping).toContain('cluster-require-full-coverage is yes')
    for (const name of names)
      expect([alone, stopping]).toEqual([expect.stringContaining(name), expect.stringContaining(name)])
  })

  it('are told by doctor that it goes on without one master, where it does', async () => {
    await Promise.all(cluster.nodes.map(({ redis }) => redis.config('SET', 'cluster-require-full-coverage', 'no')))
    const findings = await diagnose(cluster.url)
    expect(findings.find(({ about }) => about === 'coverage')).toMatchObject({ severity: 'fine' })
  })

  it('are told sums by status, metrics and the API', async () => {
    const infos = await Promise.all(cluster.nodes.map(({ redis }) => redis.info('memory')))
    const used = infos.reduce((sum, info) => sum + Number(/used_memory:(\d+)/.exec(info)?.[1]), 0)
    const isAbout = (bytes: number) => bytes > 0.7 * used && bytes < 1.5 * used
    await withTracker(cluster.url, { roles: ['api', 'udp'] }, async ({ apiUrl, metricsUrl }) => {
      const metrics = await (await fetch(`${metricsUrl}/metrics`)).text()
      expect(isAbout(Number(/^redswarm_redis_memory_bytes (\d+)/m.exec(metrics)?.[1]))).toBe(true)
      const reader = await followLive(apiUrl)
      await until('Redis to be told of', () => Boolean(reader.last()?.redis))
      const redis = reader.last()?.redis as NonNullable<Snapshot['redis']>
      await reader.close()
      expect(redis).toMatchObject({ role: 'master', masters: 3, replicas: 0 })
      expect(isAbout(redis.used_bytes)).toBe(true)
      expect(redis.clients).toBeGreaterThan(6)
      const { stdout } = await runCli(['status', '--json'], { REDSWARM_REDIS_URL: cluster.url })
      const { server, problems } = JSON.parse(stdout)
      expect(server.masters.toSorted()).toEqual(names.toSorted())
      expect(isAbout(server.memory_bytes)).toBe(true)
      expect(problems.some(({ about }: Found) => about === 'Cluster')).toBe(true)
    })
    const { stdout } = await runCli(['status'], { REDSWARM_REDIS_URL: cluster.url })
    expect(stdout).toMatch(/Redis 7[\d.]+, 3 masters of a Cluster: /)
  })

  it('are told by doctor of a master that is away, and of all that the others say', async () => {
    const [gone] = cluster.nodes as [TestCluster['nodes'][number]]
    // It answers nothing when it obeys.
    gone.redis.call('SHUTDOWN', 'NOSAVE').catch(() => {})
    const [, second] = cluster.nodes
    await until(
      'the others to see it',
      async () => /slots_fail:[1-9]/.test(String(await second?.redis.cluster('INFO'))),
      10_000,
    )
    const findings = await diagnose(cluster.url)
    const critical = findings.filter(({ severity }) => severity === 'critical').map(({ found }) => found)
    expect(critical).toEqual(
      expect.arrayContaining([
        expect.stringContaining(`127.0.0.1:${gone.port} does not serve (`),
        expect.stringMatching(/^5,46[12] of 16,384 slots are not served/),
      ]),
    )
    expect(findings.filter(({ about }) => about === 'latency')).toHaveLength(2)
  }, 30_000)
})

describe('of a master behind Sentinels, doctor', () => {
  let set: TestSentinels
  beforeAll(async () => {
    set = await startSentinels({ sentinelPassword: 'of-sentinels' })
  }, 30_000)
  afterAll(() => set?.stop())
  const aboutThem = async () => (await diagnose(set.url)).filter(({ about }) => about === 'Sentinels')

  it('says that the Sentinels agree, which are away, and where they are too few', async () => {
    const { port } = await set.master()
    expect(await aboutThem()).toMatchObject([{ severity: 'fine', found: `3 agree on the master 127.0.0.1:${port}` }])
    const [first, second, third] = set.sentinels
    await second?.kill()
    const away = {
      severity: 'warning',
      found: `127.0.0.1:${second?.port} cannot be asked: connect ECONNREFUSED 127.0.0.1:${second?.port}`,
    }
    expect(await aboutThem()).toMatchObject([away])
    await third?.kill()
    await until('the last to see that it is alone', async () => {
      const problem = await first?.redis.call('SENTINEL', 'CKQUORUM', 'swarms').catch(({ message }: Error) => message)
      return String(problem).startsWith('NOQUORUM')
    })
    expect(await aboutThem()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ severity: 'critical', found: expect.stringMatching(/^127.*: NOQUORUM/) }),
      ]),
    )
  })
})

describe('a managed Redis, which has no CONFIG', () => {
  it('keeps swarms, and doctor says what it could not look at', async () => {
    const server = await startRedis('--rename-command', 'CONFIG', '', '--rename-command', 'SLOWLOG', '')
    try {
      await withTracker(server.url, { roles: ['udp', 'http', 'api', 'sweeper'] }, async (tracker) => {
        const client = await connected(tracker)
        expect(await client.announce()).toMatchObject({ leechers: 1 })
        expect((await fetch(`${tracker.metricsUrl}/health/ready`)).status).toBe(200)
        const findings = await diagnose(server.url)
        expect(findings).toEqual(
          expect.arrayContaining([
            expect.objectContaining({
              severity: 'unknown',
              about: 'appendfsync',
              found: expect.stringContaining('Redis refuses it'),
            }),
            expect.objectContaining({ severity: 'unknown', about: 'slow log' }),
            expect.objectContaining({ severity: 'fine', about: 'latency' }),
          ]),
        )
      })
    } finally {
      await server.stop()
    }
  })
})
