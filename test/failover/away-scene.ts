import calculateSlot from 'cluster-key-slot'
import { afterEach, beforeEach, expect, onTestFinished } from 'vitest'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys, shardNames } from '../../lib/store/keys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { runCli } from '../support/cli.ts'
import { type ClusterNode, startCluster, type TestCluster } from '../support/cluster.ts'
import { announceOf, hashOf, storeOn } from '../support/store.ts'

/** One that hangs is waited for once by each of several connections, 2 s at most. */
export const LOOK_MS_MAX = 12_000
const PER_MASTER = 2

export let cluster: TestCluster

/** Each test of a `describe` has a Cluster of its own, `cluster`. */
export function useCluster(): void {
  beforeEach(async () => {
    cluster = await startCluster('--cluster-require-full-coverage', 'no')
  }, 30_000)
  afterEach(() => cluster?.stop())
}

export const addressOf = ({ port }: ClusterNode) => `127.0.0.1:${port}`

/** The master that a key is on: none is asked, since one is away. */
export const nodeOf = (key: string) =>
  cluster.nodes.find(({ lastSlot }) => calculateSlot(key) <= lastSlot) as ClusterNode

/** Keys of which those named are on one master, and the others on others: a prefix that makes it so is looked for. */
export function keysOn(here: readonly Name[], elsewhere: readonly Name[]) {
  for (let i = 0; i < 10_000; i++) {
    const keys = makeKeys(`p${i}:`)
    const gone = nodeOf(keyOf(keys, here[0] as Name))
    const isHere = (name: Name) => nodeOf(keyOf(keys, name)) === gone
    if (here.every(isHere) && !elsewhere.some(isHere)) return { keys, gone }
  }
  throw new Error('there is no such prefix')
}
export type Keys = ReturnType<typeof makeKeys>
type List = 'bans' | 'denied' | 'clients'
export type Name = 'schema' | 'instances' | 'stats' | 'sweeper' | 'audit' | 'secret' | List | 'ranks'
const keyOf = (keys: Keys, name: Name): string => {
  if (name === 'ranks') return keys.ranks('seeders')
  return name === 'bans' || name === 'denied' || name === 'clients' ? keys[name].list : keys[name]
}

/** Torrents with a seeder each, as many on each master; answers those that are not on this one. */
export async function fill(keys: Keys, master: ClusterNode): Promise<InfoHash[]> {
  const redis = await connectRedis(cluster.url)
  onTestFinished(() => redis.disconnect())
  const byNode = new Map<ClusterNode, InfoHash[]>(cluster.nodes.map((node) => [node, []]))
  for (const shard of shardNames()) {
    const own = byNode.get(nodeOf(keys.torrents(shard)))
    if (own && own.length < PER_MASTER) own.push(hashOf(shard))
    if ([...byNode.values()].every(({ length }) => length === PER_MASTER)) break
  }
  const all = [...byNode.values()].flat()
  const replies = await storeOn(redis, {}, undefined, keys.prefix).announce(
    all.map((infoHash) => announceOf({ infoHash, isSeeder: true })),
  )
  expect(replies.every(({ ok }) => ok)).toBe(true)
  await writeRanks(
    redis,
    keys,
    'seeders',
    all.map((infoHash) => ({ hex: infoHash.toString('hex'), score: 1 })),
  )
  return all.filter((infoHash) => !byNode.get(master)?.includes(infoHash))
}

/** Runs a command that looks; it must come to its end in time. */
export async function look(keys: Keys, ...args: string[]) {
  const startMs = performance.now()
  const env = { REDSWARM_REDIS_URL: cluster.url, REDSWARM_KEY_PREFIX: keys.prefix }
  const ended = await runCli(args, env)
  expect([args, performance.now() - startMs < LOOK_MS_MAX]).toEqual([args, true])
  return ended
}
export const jsonOf = async (keys: Keys, ...args: string[]) => {
  const { code, stdout, stderr } = await look(keys, ...args, '--json')
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}

export function shardOn(node: ClusterNode, keys: Keys): string {
  for (const shard of shardNames()) if (nodeOf(keys.torrents(shard)) === node) return shard
  throw new Error('it has no shard')
}
