import { expect, it } from 'vitest'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { call, errorIn } from '../support/api.ts'
import type { ClusterNode } from '../support/cluster.ts'
import { followLive } from '../support/live.ts'
import { scrapeMetrics } from '../support/prometheus.ts'
import { until } from '../support/redis.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'

import {
  addressOf,
  cluster,
  fill,
  jsonOf,
  type Keys,
  keysOn,
  LOOK_MS_MAX,
  look,
  type Name,
  shardOn,
  useCluster,
} from './away-scene.ts'

/** What those who look see of a Cluster with a master that got a signal: the cause that is told of it. */
export const lookersSee = (signal: 'SIGKILL' | 'SIGSTOP', cause: 'failing_over' | 'slow') => () => {
  useCluster()
  const withMasterAway = async (
    here: readonly Name[],
    elsewhere: readonly Name[],
    test: (about: { keys: Keys; gone: ClusterNode; others: InfoHash[]; tracker: TestTracker }) => Promise<void>,
  ) => {
    const { keys, gone } = keysOn(here, elsewhere)
    const others = await fill(keys, gone)
    await withTracker(
      cluster.url,
      { roles: ['api', 'udp'], settings: { REDSWARM_KEY_PREFIX: keys.prefix } },
      async (tracker) => {
        gone.process.kill(signal)
        try {
          await test({ keys, gone, others, tracker })
        } finally {
          gone.process.kill('SIGCONT')
        }
      },
    )
  }

  it(
    'are told of it by name and cause, and all that the others know',
    () =>
      withMasterAway(
        ['schema', 'audit'],
        ['instances', 'stats', 'sweeper', 'ranks'],
        async ({ keys, gone, others }) => {
          const away = { address: addressOf(gone), cause, reason: expect.stringMatching(/./) }
          const status = await jsonOf(keys, 'status')
          expect(status.masters_away).toEqual([away])
          expect(status.totals).toEqual({ torrents: 4, seeders: 4, leechers: 0, completed: 0, whole: false })
          expect(status.server.masters).toHaveLength(2)
          expect(status.server.memory_bytes).toBeGreaterThan(1e6)
          expect(status.processes).toMatchObject([{ roles: ['api', 'udp'], silent: false }])
          expect(status.rates.udp_announces_per_s).toBe(0)
          expect(status).toMatchObject({ audit: null, sweeper: { swept_at: null } })
          expect(status.problems).toContainEqual(
            expect.objectContaining({
              severity: 'critical',
              found: expect.stringContaining(`${addressOf(gone)} does not serve (${cause}): `),
            }),
          )
          const { code, stdout } = await look(keys, 'status')
          expect(code).toBe(0)
          expect(stdout).toMatch(/ {7}4 +4 +0 +4 +0\n {2}without the swarms of 127.0.0.1:\d+, which is away\n/)
          expect(stdout).toMatch(
            /, 2 of 3 masters of a Cluster: .*\n {2}last sweep: none yet\n {2}last audit: not known/,
          )
          const top = await jsonOf(keys, 'top', '--once')
          expect(top).toMatchObject({ away: null, masters_away: [away], totals: { torrents: 4, whole: false } })
          expect(top.biggest.map((each: { info_hash: string }) => each.info_hash).sort()).toEqual(
            others.map((hash) => hash.toString('hex')).sort(),
          )
          expect(top.rates).not.toBeNull()
          const { stdout: screen } = await look(keys, 'top', '--once')
          expect(screen).toContain(`  ${addressOf(gone)} does not serve (${cause}): `)
          expect(screen).toMatch(/torrents 4, .*, without the swarms of 127.0.0.1:\d+, which is away\n/)
          const findings = JSON.parse((await look(keys, 'doctor', '--json')).stdout).findings as {
            about: string
            found: string
          }[]
          for (const [about, severity] of [
            ['versions', 'fine'],
            ['audits', 'unknown'],
            ['layout', 'unknown'],
          ])
            expect(findings).toContainEqual(expect.objectContaining({ about, severity }))
          expect(findings.filter(({ found }) => found.startsWith(addressOf(gone)))).toMatchObject([
            { severity: 'critical' },
          ])
        },
      ),
    60_000,
  )

  it(
    'are told what only it knows is not known',
    () =>
      withMasterAway(['instances', 'stats', 'sweeper', 'ranks'], ['schema'], async ({ keys }) => {
        expect(await jsonOf(keys, 'status')).toMatchObject({
          ...{ processes: null, rates: null, counted: null, sweeper: null },
          totals: { torrents: 4, whole: false },
        })
        const { stdout } = await look(keys, 'status')
        expect(stdout).toMatch(/processes tell of themselves to a master that is away\n/)
        expect(stdout).toMatch(/UDP announces +- +-\n/)
        expect(await jsonOf(keys, 'top', '--once')).toMatchObject({ processes: null, rates: null, biggest: null })
        expect((await look(keys, 'top', '--once')).stdout).toMatch(
          /to a master that is away\n\n {2}the ranking is on a master that is away/,
        )
      }),
    60_000,
  )

  it(
    'are told of the others by the API, and that its own cannot be reached',
    () =>
      withMasterAway(['instances'], ['stats'], async ({ gone, keys, tracker, others }) => {
        const reader = await followLive(tracker.apiUrl)
        await until('it to be told of', () => (reader.last()?.redis?.masters_away.length ?? 0) > 0, LOOK_MS_MAX)
        await until('rates again', () => reader.last()?.rates !== null && reader.last()?.totals !== null)
        const { redis, totals, rates, problem, instances } = reader.last() ?? {}
        await reader.close()
        expect(redis).toMatchObject({ masters: 2, masters_away: [{ address: addressOf(gone), cause }] })
        expect(totals).toMatchObject({ torrents: 4, is_whole: false })
        expect([rates?.udp4_announces, instances]).toEqual([0, null])
        expect(problem).toContain(`the master ${addressOf(gone)} does not serve (${cause}): `)
        const [there] = others as [InfoHash]
        expect((await call(`${tracker.apiUrl}/api/v1/torrent/${there.toString('hex')}`)).status).toBe(200)
        const shard = shardOn(gone, keys)
        const startMs = performance.now()
        expect(errorIn(await call(`${tracker.apiUrl}/api/v1/torrent/${shard.padEnd(40, '0')}`))).toMatchObject({
          status: 503,
          code: 'store_unavailable',
        })
        expect(performance.now() - startMs).toBeLessThan(3000)
        const samples = await scrapeMetrics(tracker.metricsUrl)
        expect([samples.has('redswarm_torrents'), samples.has('redswarm_redis_memory_bytes')]).toEqual([false, false])
        expect(samples.get('redswarm_redis_up')).toBe(1)
      }),
    60_000,
  )
}
