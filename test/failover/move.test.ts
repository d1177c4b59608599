import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { killAtExit, temporaryFolder } from '../support/at-exit.ts'
import { type Ended, runCli } from '../support/cli.ts'
import type { ClusterNode } from '../support/cluster.ts'
import { drift, fill, largeExport } from '../support/move.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { startReplicatedCluster, untilPromoted } from '../support/replicas.ts'
import { startSentinels } from '../support/sentinel.ts'
import { trackerState } from '../support/tracker-state.ts'

const TORRENTS = 40_000
const RUNS_MAX = 6
/** Sooner than any operator runs a command again that did not come to its end. */
const AGAIN_AFTER_MS = 1000
const keys = makeKeys('')
const server = useRedis()
let folder: string
beforeAll(async () => {
  folder = (await temporaryFolder('move')).path
})
const at = (url: string, prefix = '') => ({ REDSWARM_REDIS_URL: url, REDSWARM_KEY_PREFIX: prefix })

/** Imports many torrents, has something happen once some are there, and imports again until all are; answers how the first ended. */
async function importAgain(url: string, happen: () => Promise<void>): Promise<Ended> {
  const file = join(folder, 'large.jsonl')
  await writeFile(file, largeExport(file, TORRENTS, Number((await server().redis.time())[0])))
  const child = spawn(process.execPath, ['services/main.ts', 'import', file], {
    env: { PATH: process.env.PATH, ...at(url) },
  })
  const [stdout, stderr, closed] = [text(child.stdout), text(child.stderr), once(child, 'close')]
  const redis = await connectRedis(url)
  try {
    await until('some to be there', async () => (await redis.hexists(keys.import, 'mark')) === 1, 20_000)
  } finally {
    redis.disconnect()
  }
  await happen()
  const [code] = (await closed) as [number | null]
  const first: Ended = { code, stdout: await stdout, stderr: await stderr }
  let last = first
  for (let runs = 1; last.code !== 0 && runs < RUNS_MAX; runs++) {
    // Each Sentinel tells of the new master in its own time, a second or two apart, and a connection is made anew with each.
    await sleep(AGAIN_AFTER_MS)
    last = await runCli(['import', '--merge', file], at(url))
  }
  expect(last).toMatchObject({ code: 0, stderr: '' })
  expect(last.stdout).toContain(`stored now: 40,000 torrents, 40,000 peers; audit: drift 0\n`)
  const after = await connectRedis(url)
  try {
    expect(await makeSwarmReader({ redis: after, keys }).totals()).toMatchObject({
      ...{ torrents: TORRENTS, seeders: TORRENTS, leechers: 0, completed: 3 * TORRENTS },
    })
    expect(await drift({ redis: after, keys })).toEqual([])
  } finally {
    after.disconnect()
  }
  return first
}

const LOST =
  /^redswarm: (?:it did not come to its end|Redis refuses): .*\n(?: {2}what was done stays; run it again for the rest\n)?$/

it('a tracker goes from one Redis to Sentinels and back; whose master may die in the middle', async () => {
  const set = await startSentinels()
  onTestFinished(set.stop)
  await fill({ redis: server().redis, keys })
  const before = await trackerState(server().redis, keys)
  const [there, back] = [join(folder, 'there.jsonl.gz'), join(folder, 'back.jsonl')]
  for (const [args, env] of [
    [['export', there], at(server().url)],
    [['import', there], at(set.url, 'there:')],
    [['export', back], at(set.url, 'there:')],
    [['import', back], at(server().url, 'back:')],
  ] as const)
    expect(await runCli([...args], env)).toMatchObject({ code: 0, stderr: '' })
  const redis = await connectRedis(set.url)
  expect(await trackerState(redis, makeKeys('there:'))).toEqual(before)
  redis.disconnect()
  expect(await trackerState(server().redis, makeKeys('back:'))).toEqual(before)

  const first = await importAgain(set.url, async () => {
    const old = await set.master()
    await old.kill()
    await until('another master', async () => (await set.master()) !== old, 20_000)
  })
  expect(first).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(LOST) })
}, 90_000)

it('a master of a Cluster may die in the middle of an import into it', async () => {
  const cluster = await startReplicatedCluster()
  onTestFinished(cluster.stop)
  const marked = await cluster.nodeOf(keys.import)
  const i = cluster.nodes.findIndex((node) => node !== marked)
  const { code, stderr } = await importAgain(cluster.url, async () => {
    cluster.nodes[i]?.process.kill('SIGKILL')
    await untilPromoted(cluster.replicas[i] as ClusterNode)
  })
  expect([code, stderr]).toEqual([2, expect.stringMatching(LOST)])
}, 90_000)

it('a Redis that keeps a file may die in the middle of an import into it, and of an export', async () => {
  const one = await startRedis('--appendonly', 'yes')
  let { process: current } = one
  onTestFinished(async () => {
    current.kill('SIGKILL')
    await one.stop()
  })
  const restart = async (): Promise<void> => {
    const gone = once(current, 'exit')
    current.kill('SIGKILL')
    await gone
    const [command = '', ...args] = current.spawnargs
    // The last that is given of a setting counts.
    current = spawn(command, [...args, '--appendonly', 'yes'], { stdio: 'ignore' })
    killAtExit(current)
    await until('it to be back', async () => (await one.redis.ping().catch(() => '')) === 'PONG', 10_000)
    await until('it to have read', async () => (await one.redis.info()).includes('loading:0'), 10_000)
  }
  const first = await importAgain(one.url, restart)
  expect(first).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(LOST) })
}, 90_000)
