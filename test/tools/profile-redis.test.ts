import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeRandom } from '../../lib/random.ts'
import { findRedis } from '../../services/cli/setup.mjs'
import { openFolder, PROFILE_FILES } from '../../services/profile/folder.ts'
import { ENTRY_BYTES, readMemory } from '../../services/profile/redis/memory.ts'
import { shareOf } from '../../services/profile/redis/perf.ts'
import { profileRedis } from '../../services/profile/redis/profile.ts'
import { profileRun } from '../../services/profile/redis/run.ts'
import { useRedis } from '../support/redis.ts'

import { processesOf } from './profile-processes.ts'
import { play, storeOf } from './profile-redis-play.ts'

const server = useRedis()

const hasPerf = spawnSync('perf', ['stat', '-p', String(process.pid), 'true']).status === 0

describe('the profile of a Redis', () => {
  it('has costs of the measured part only', async () => {
    const { redis, process: child } = server()
    const store = storeOf(redis)
    await play(store, 30)
    const { costs, perf } = await profileRun({
      ...{ redis, redisPid: child.pid as number, scratch: undefined },
      load: async ({ begin, end }) => {
        await begin()
        await play(store, 50)
        await end()
        return 50 * 64
      },
    })
    expect(perf).toBe('not asked for')
    expect(costs.announces).toBe(3200)
    expect(costs.mainThreadUs / costs.announces).toBeGreaterThan(0.5)
    expect(costs.commands.find(({ command }) => command === 'FCALL')?.calls).toBe(57)
    expect(costs.commands.find(({ command }) => command === 'HMGET')?.calls).toBeGreaterThanOrEqual(3200)
    const latency = costs.latencies.find(({ command }) => command === 'FCALL')
    expect(latency?.calls).toBe(57)
    expect(latency?.histogram.reduce((sum, [, calls]) => sum + calls, 0)).toBe(57)
    expect(costs.aof.isOn).toBe(false)
  })

  it('tells slow calls by script', async () => {
    const { redis, process: child } = server()
    const { costs } = await profileRun({
      ...{ redis, redisPid: child.pid as number, scratch: undefined },
      load: async ({ begin, end }) => {
        await begin()
        await redis.config('SET', 'slowlog-log-slower-than', '1')
        await play(storeOf(redis), 5)
        await end()
        return 320
      },
    })
    expect(costs.slow.some(({ what }) => /^FCALL announce, [\d,]{4,} bytes$/.test(what))).toBe(true)
    expect(costs.slow).toEqual([...costs.slow].sort((a, b) => b.us - a.us))
  })

  it('weighs the kinds of key as Redis weighs its data', async () => {
    const { redis } = server()
    // Commands that were called once have their latencies from then on.
    await play(storeOf(redis), 20)
    await redis.flushall()
    const { datasetBytes: emptyBytes } = await readMemory(redis, '', makeRandom())
    await play(storeOf(redis), 400, 3000, 20_000)
    const { kinds, kindBytes, keys, datasetBytes } = await readMemory(redis, '', makeRandom())
    const counts = Object.fromEntries(kinds.map(({ kind, keys: count }) => [kind, count]))
    expect(kinds.reduce((sum, each) => sum + each.keys, 0)).toBe(keys)
    expect(counts['small swarm']).toBeGreaterThan(100)
    expect(counts['large swarm']).toBeGreaterThan(10)
    expect(counts.chunk).toBeGreaterThan(counts['large swarm'] as number)
    const bytes = kindBytes - keys * ENTRY_BYTES
    // Redis counts as data what it keeps beside keys as well: latencies of each command, buffers of the moment.
    const ownBytes = datasetBytes - emptyBytes
    expect(bytes / ownBytes).toBeGreaterThan(0.85)
    expect(bytes / ownBytes).toBeLessThan(1.15)
    for (const { errorBytes, bytes: own } of kinds) expect(errorBytes).toBeLessThan(own / 5)
  })

  it.runIf(hasPerf)('has the stacks of the main thread by perf', async () => {
    const { redis, process: child } = server()
    const scratch = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
    try {
      const { perf } = await profileRun({
        ...{ redis, redisPid: child.pid as number, scratch },
        load: async ({ begin, end }) => {
          await begin() // perf records from now on, however long it took to start
          for (const untilMs = performance.now() + 1000; performance.now() < untilMs; ) await play(storeOf(redis), 50)
          await end()
          return 3200
        },
      })
      if (typeof perf === 'string') throw new Error(perf)
      expect(shareOf(perf, /./)).toBe(1)
      expect(shareOf(perf, /^(processCommand|call|fcallCommandGeneric|lua\w+)$/)).toBeGreaterThan(0.1)
      expect([...perf.values()].reduce((sum, each) => sum + each, 0)).toBeGreaterThan(20)
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  })

  it('does without perf where that cannot record', async () => {
    const { redis } = server()
    const scratch = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
    try {
      const { perf } = await profileRun({
        ...{ redis, redisPid: 2 ** 22 + 1, scratch },
        load: async ({ begin, end }) => {
          await begin()
          await play(storeOf(redis), 500)
          await end()
          return 32_000
        },
      })
      expect(typeof perf).toBe('string')
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  })
})

describe('redswarm profile redis', () => {
  it('measures a tracker under load, and leaves a folder and nothing else', async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
    const before = process.env.TMPDIR
    try {
      // What the profile keeps meanwhile, it keeps where this says.
      process.env.TMPDIR = scratch
      const stopped: string[] = []
      const onStop = (name: string) => void stopped.push(name)
      process.env.REDSWARM_REDIS_SERVER ??= (await findRedis({ install: false }))?.path
      const folder = await openFolder(join(scratch, 'out'))
      const options = { seconds: 3, torrents: 500, peers: 2000, folder, perf: hasPerf }
      const { text, files, problem } = await profileRedis(options, () => {}, { onStop })
      expect(problem).toBeUndefined()
      expect(stopped).toEqual(['tracker', 'tracker'])
      expect(await readdir(scratch)).toEqual(['out'])
      expect(await processesOf(scratch)).toEqual([])

      const names = (await readdir(folder)).sort()
      expect(names).toEqual(expect.arrayContaining(['summary.json', 'redis.json', 'redis.txt', 'slowlog.txt']))
      expect(names).toHaveLength(files.length + 1) // and the summary, by which a folder is known as a profile's
      // Each is known as one, so that the next profile in the folder removes it.
      for (const name of names) expect(['summary.json', ...PROFILE_FILES]).toContain(name)
      if (hasPerf)
        expect(names).toEqual(expect.arrayContaining(['perf.folded', 'perf-flamegraph.html', 'perf-flamegraph.svg']))
      expect(await readFile(join(folder, 'redis.txt'), 'utf8')).toBe(text)

      const report = JSON.parse(await readFile(join(folder, 'redis.json'), 'utf8'))
      expect(report.costs.announces).toBeGreaterThan(0)
      expect(report.costs.seconds).toBeGreaterThan(2.5)
      expect(report.costs.seconds).toBeLessThan(10)
      const callsOf = (name: string) =>
        report.costs.commands.find(({ command }: { command: string }) => command === name)?.calls
      expect(callsOf('HMGET') / report.costs.announces).toBeGreaterThan(0.8)
      expect(callsOf('HMGET') / report.costs.announces).toBeLessThan(1.4)
      expect(report.costs.aof).toMatchObject({ isOn: true, rewrites: 0 })
      expect(report.costs.aof.bytes).toBeGreaterThan(0)
      expect(report.withoutAof.aof.isOn).toBe(false)
      expect(report.withoutAof.announces).toBeGreaterThan(0)
      expect(report.counts.announces).toBeGreaterThan(0)
      expect(report.memory.kinds.map(({ kind }: { kind: string }) => kind)).toContain('chunk')
      expect(text).toMatch(/^ {2}HMGET +1\.0/m)
      expect(report.perf.missing === undefined).toBe(hasPerf)
      // A profile may be made again in its folder, and in no other that is not empty.
      await expect(openFolder(scratch)).rejects.toThrow(/not empty/)
    } finally {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
      await rm(scratch, { recursive: true, force: true })
    }
  }, 120_000)
})
