import { atMasters } from '../at-masters.ts'
import { isMovedKey } from '../keys.ts'
import { nodesOf } from '../nodes.ts'
import { scanKeys } from '../scan-keys.ts'
import { loadScript, runScript } from '../scripts.ts'
import type { AuditContext } from './context.ts'
import { repairSwarm } from './swarms.ts'

/** Keys that one SCAN looks at, about: the script on what it finds takes Redis some 6 µs each, so 1 ms. */
const SCAN_COUNT = 150
/** Members that one ZSCAN of a large memory of completed downloads looks at. */
const MEMBERS_COUNT = 250

/** Names that only we use, whatever comes after. */
const FAMILY = /^(?:swarm|torrents|totals|whitelist|accounts|moved|ranks):/
const SWARM_KEY = /^swarm:\{([0-9a-f]{3})\}:(\1[0-9a-f]{37})(:done|:[ls][46]:[0-9a-f]{4})?$/
const SHARD_KEY = /^(?:torrents|totals|whitelist|accounts):\{[0-9a-f]{3}\}$/
const RANKS_KEY = /^ranks:\{(?:seeders|leechers|completed)\}(?::(?:next|before|made))?$/

/** What the names of keys tell: the info hashes, by shard, of swarms that are in no index or are no swarm at all. */
export type LooseSwarms = Map<string, Set<string>>

/**
 * Walks all keys by SCAN, for what the index cannot tell: swarms that are missing there, chunks and memories of completed
 * downloads without a swarm, and foreign keys that have names like ours.
 */
export async function auditNames(context: AuditContext): Promise<LooseSwarms> {
  const { redis, keys, onStep } = context
  const loose: LooseSwarms = new Map()
  // SCAN may give a key twice where the table is resized meanwhile.
  const told = new Set<string>()
  for (const node of nodesOf(redis).all()) {
    for await (const found of scanKeys(node, keys.prefix, SCAN_COUNT)) {
      const texts = found.map((name) => name.toString('latin1'))
      await auditSwarmKeys(context, await sortOut(context, texts, told), loose, told)
      onStep('names of keys', found.length)
    }
  }
  return loose
}

/** The keys of swarms among those found; what has a name like ours and is not, is told. */
async function sortOut(
  { keys, shards, recorder }: AuditContext,
  found: readonly string[],
  told: Set<string>,
): Promise<string[]> {
  const ours: string[] = []
  for (const key of found) {
    const name = key.slice(keys.prefix.length)
    if (!FAMILY.test(name)) continue
    const shard = SWARM_KEY.exec(name)?.[1]
    if (shard !== undefined) {
      if (shards.has(shard)) ours.push(key)
    } else if (!isMovedKey(name) && ![SHARD_KEY, RANKS_KEY].some((pattern) => pattern.test(name)) && !told.has(key)) {
      told.add(key)
      recorder.fault('keys', key, 'has a name like our keys and is none: rename or delete it', false)
    }
  }
  recorder.looked('keys', ours.length)
  recorder.looked('completed', ours.filter((key) => key.endsWith(':done')).length)
  return ours
}

async function auditSwarmKeys(
  context: AuditContext,
  names: readonly string[],
  loose: LooseSwarms,
  told: Set<string>,
): Promise<void> {
  if (names.length === 0) return
  const { redis, keys } = context
  const problems = await atMasters(redis, names, String, async (node, own) => {
    const found = (await runScript(node, loadScript('audit_keys'), [], [keys.prefix, ...own])) as (number | Buffer)[]
    const texts = own.map(() => '')
    for (let i = 0; i < found.length; i += 2) texts[(found[i] as number) - 1] = String(found[i + 1])
    return texts
  })
  for (const [i, problem] of problems.entries()) {
    const key = names[i] as string
    if (problem === '' || told.has(key)) continue
    told.add(key)
    await tell(context, key, problem, loose)
  }
}

/** What is wrong with a key, by the words of `lua/include/key_problem.lua`; repaired where that is wanted. */
async function tell(context: AuditContext, key: string, problem: string, loose: LooseSwarms): Promise<void> {
  const { keys, repair, recorder } = context
  const [, shard = '', hex = '', part = ''] = SWARM_KEY.exec(key.slice(keys.prefix.length)) ?? []
  if (part === '') {
    // Told with its shard, where all of it is looked at.
    const hexes = loose.get(shard) ?? new Set()
    loose.set(shard, hexes.add(hex))
  } else if (problem === 'more than completed') {
    if (repair) await repairSwarm(context, shard, hex)
    recorder.fault('completed', key, 'remembers more completed downloads than the swarm counts', repair)
    await auditMembers(context, key)
  } else if (problem === 'wrong members' || problem === 'many') {
    await auditMembers(context, key)
  } else {
    const text = problem === 'orphan' ? 'belongs to no swarm' : 'is of a wrong type'
    recorder.fault(
      'keys',
      key,
      text,
      repair && ((await deleteKey(context, key)) || (await repairMadeAnew(context, key))),
    )
  }
}

async function deleteKey({ redis, keys }: AuditContext, key: string): Promise<boolean> {
  return (await runScript(redis, loadScript('repair_key'), [key], [keys.prefix, ''])) === 1
}

/**
 * Repairs the swarm of a memory of completed downloads that belonged to none when it was looked at, and does now: an announce has
 * made the swarm anew, which counts none of them. Answers whether it was such a memory.
 */
async function repairMadeAnew(context: AuditContext, key: string): Promise<boolean> {
  const [, shard = '', hex = '', part = ''] = SWARM_KEY.exec(key.slice(context.keys.prefix.length)) ?? []
  if (part !== ':done') return false
  await repairSwarm(context, shard, hex)
  return true
}

/** Members of a memory of completed downloads that are no endpoints: a sweep could not get past them. */
async function auditMembers({ redis, repair, recorder }: AuditContext, key: string): Promise<void> {
  const wrong = new Map<string, Buffer>()
  let cursor = '0'
  do {
    const reply = await redis.callBuffer('ZSCAN', [key, cursor, 'COUNT', MEMBERS_COUNT])
    const [next, members] = reply as [Buffer, Buffer[]]
    for (const [i, member] of members.entries()) {
      if (i % 2 === 0 && member.length !== 6 && member.length !== 18) wrong.set(member.toString('hex'), member)
    }
    cursor = next.toString()
  } while (cursor !== '0')
  for (const member of wrong.values()) {
    // No announce makes such a member, so that nothing can change between the look and this.
    const isRepaired = repair && (await redis.zrem(key, member)) === 1
    recorder.fault('completed', key, `remembers ${JSON.stringify(member.toString('latin1'))}, no endpoint`, isRepaired)
  }
}
