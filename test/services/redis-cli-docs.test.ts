import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadPeopleLibrary } from '../../lib/store/people-library.ts'
import { skipWithout } from '../e2e/skip.ts'
import { type ClusterNode, startCluster, type TestCluster } from '../support/cluster.ts'
import { type Example, examplesOf, runInShell } from '../support/console-page.ts'
import { comparableTimes } from '../support/people.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { writeTrackerData } from '../support/redis-cli-data.ts'

const page = await readFile(new URL('../../docs/redis-cli.md', import.meta.url), 'utf8')
const examples = examplesOf(page)
/** What the page's commands begin with. */
const ON_THE_PAGE = 'redis-cli -s data/redis.sock'
/** One whose answer nothing else takes. */
const IN_A_TERMINAL = /^redis-cli [^|]*$/
/** What names no key tells of one node; and so does --scan. */
const ABOUT_A_NODE = / (?:INFO|SLOWLOG|DBSIZE|BGSAVE|CONFIG|FUNCTION|--scan)\b/
/** What these answer differs from machine to machine, or by chance: the swarm's salt chooses its chunks. */
const VARIES = / (?:INFO|SLOWLOG|MEMORY|DBSIZE)\b| redswarm_peers 1 '\S+' 616f/

const missing = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'redis-cli')))
  ? undefined
  : 'no redis-cli: install the tools of Redis (Debian, Ubuntu: apt-get install redis-tools)'

/** What a terminal would show: redis-cli writes otherwise into a pipe. `where`: the options that say how to connect. */
const run = ({ command }: Example, where: string): Promise<string> =>
  runInShell(command.replaceAll(ON_THE_PAGE, `redis-cli ${IN_A_TERMINAL.test(command) ? '--no-raw ' : ''}${where}`))

/** An answer with the same in the place of all that no two runs have in common. */
function comparable(answer: string, { command }: Example): string {
  const lasting = answer
    .replace(/^-> Redirected to slot .*\n/gm, '')
    .replace(/\b1\d{9}(?:\d{3}-\d+|\d{3})?\b/g, 'TIME')
    .replace(/^( *\d+\) memory).*/m, '$1')
  const text = comparableTimes(lasting)
  if (!VARIES.test(command)) return text
  return text.replace(/"[^ "]*:\d+"/g, '"CLIENT"').replace(/\d+(?:[.:]\d+)*[KMG]?/g, 'N')
}

/** Runs all commands of the page, and compares what they write with what it says. */
async function checkPage(whereOf: (example: Example) => string): Promise<void> {
  expect(examples.length).toBeGreaterThan(35)
  for (const example of examples) {
    const output = await run(example, whereOf(example))
    expect(comparable(output, example), example.command).toBe(comparable(example.answer, example))
  }
}

/** Gives a Redis what it tells of itself: a script that ran, and one command in the log of slow ones. */
async function useNode(redis: Redis): Promise<void> {
  await loadPeopleLibrary(redis)
  await redis.call('FCALL', 'redswarm_stats', 0).catch(() => {})
  await redis.config('SET', 'slowlog-log-slower-than', 0)
  await redis.call('KEYS', '*')
  await redis.config('SET', 'slowlog-log-slower-than', -1)
}

/** Copies all keys of a Redis to the nodes of a Cluster that they belong to. */
async function copyKeys(from: Redis, { nodeOf }: TestCluster): Promise<void> {
  for (const key of await from.keysBuffer('*')) {
    const [value, ttlMs, { redis }] = await Promise.all([from.dumpBuffer(key), from.pttl(key), nodeOf(key)])
    await redis.restore(key, Math.max(0, ttlMs), value as Buffer)
  }
}

describe('docs/redis-cli.md tells what each command answers', () => {
  let server: TestRedis
  let cluster: TestCluster
  let owner: ClusterNode
  beforeAll(async () => {
    ;[server, cluster] = await Promise.all([startRedis('--appendonly', 'yes'), startCluster('--appendonly', 'yes')])
    await writeTrackerData(server.redis)
    await copyKeys(server.redis, cluster)
    owner = await cluster.nodeOf('torrents:{616}')
    await Promise.all([server, ...cluster.nodes].map(({ redis }) => useNode(redis)))
  })
  afterAll(() => Promise.all([server?.stop(), cluster?.stop()]))

  it('on one Redis', (test) => {
    skipWithout(test, missing)
    return checkPage(() => `-s ${server.socket}`)
  })

  it('on a Cluster, asked by whichever node', (test) => {
    skipWithout(test, missing)
    const other = cluster.nodes.find((node) => node !== owner) as ClusterNode
    return checkPage(({ command }) => `-c -p ${(ABOUT_A_NODE.test(command) ? owner : other).port}`)
  })
})

it('docs/redis-cli.md has no command that is not run, but for how to connect', () => {
  const rest = page.replace(/^```console\n.*?^```$/gms, '')
  expect(rest.match(/^(?:\$ )?redis-cli .*$/gm)).toEqual([
    expect.stringMatching(/^redis-cli -s data\/redis\.sock \.\.\./),
    expect.stringMatching(/^redis-cli -u redis:/),
    expect.stringMatching(/^redis-cli -c -h/),
  ])
  expect(examples.filter(({ command }) => !command.includes(ON_THE_PAGE))).toEqual([])
})
