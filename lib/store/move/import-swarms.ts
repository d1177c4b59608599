import { atMasters, MOVED } from '../at-masters.ts'
import type { RedisClient } from '../client.ts'
import type { Keys } from '../keys.ts'
import { isCluster, nodesOf } from '../nodes.ts'
import { loadScript, runScript } from '../scripts.ts'
import type { StoredPeer } from '../stored-peers.ts'
import { noOutcome, type Outcome } from './outcome.ts'
import type { Completion, ExportedSwarm } from './records.ts'

/** Peers that one script takes over, swarms counted as well: some 20 µs each, so that one takes Redis about a millisecond. */
const ROWS_PER_CALL = 48
/** Two for each master, so that it has the next at hand when it ends one. */
const CALLS_IN_FLIGHT = 2

/** What became of a swarm, by the numbers of `lua/import_swarms.lua`. */
const OUTCOMES = ['unchanged', 'changed', 'added', 'expired'] as const

/** What became of a swarm, or of a part of it, and of its peers. */
export type SwarmOutcome = {
  swarm: ExportedSwarm
  outcome: (typeof OUTCOMES)[number] | 'bad'
  peers: Outcome
  problem?: string
}

/** Takes over swarms, and parts of large ones; answers in their order. */
export type SwarmImporter = (swarms: readonly ExportedSwarm[]) => Promise<SwarmOutcome[]>

/** The importer of a Redis. `random` answers 0 to 1, without 1. */
export function makeSwarmImporter({
  redis,
  keys,
  peerLifetimeS,
  peerDetails,
  random,
}: {
  redis: RedisClient
  keys: Keys
  peerLifetimeS: number
  /** Whether what peers have told of themselves is kept. */
  peerDetails: boolean
  random: () => number
}): SwarmImporter {
  const script = loadScript('import_swarms')
  const keyOf = ({ hex }: ExportedSwarm) => keys.swarm(hex)

  const importSome = (swarms: readonly ExportedSwarm[]): Promise<SwarmOutcome[]> =>
    atMasters(redis, swarms, keyOf, async (node, own) => {
      const seed = Math.floor(random() * 2 ** 31)
      const args = own.flatMap(({ hex, addedS, completed, peers, done }) => [
        ...[hex, addedS, completed],
        ...[Buffer.concat(peers.map((peer) => packPeer(peer, peerDetails))), Buffer.concat(done.map(packCompletion))],
      ])
      const head = [keys.prefix, peerLifetimeS, seed, isCluster(redis) ? '1' : '']
      const replies = (await runScript(node, script, [], [...head, ...args])) as (number | Buffer)[]
      return own.map((swarm, i) => readOutcome(swarm, replies.slice(5 * i, 5 * i + 5)))
    })

  return async (swarms) => {
    const nodes = nodesOf(redis)
    const parts = swarms.flatMap(split)
    const outcomes = new Map<ExportedSwarm, SwarmOutcome>()
    const work = async (calls: Iterator<ExportedSwarm[]>): Promise<void> => {
      for (let call = calls.next(); !call.done; call = calls.next())
        for (const outcome of await importSome(call.value)) outcomes.set(outcome.swarm, outcome)
    }
    const byNode = Map.groupBy(parts, (part) => nodes.of(keyOf(part)))
    await Promise.all(
      [...byNode.values()].flatMap((own) => {
        const calls = callsOf(own)
        return Array.from({ length: CALLS_IN_FLIGHT }, () => work(calls))
      }),
    )
    return parts.map((part) => outcomes.get(part) as SwarmOutcome)
  }
}

/** Parts of which each is done in one call. */
function split(swarm: ExportedSwarm): ExportedSwarm[] {
  const { peers, done } = swarm
  if (rowsOf(swarm) <= ROWS_PER_CALL) return [swarm]
  const parts: ExportedSwarm[] = []
  for (let at = 0; at < peers.length; at += ROWS_PER_CALL - 1)
    parts.push({ ...swarm, peers: peers.slice(at, at + ROWS_PER_CALL - 1), done: [] })
  for (let at = 0; at < done.length; at += ROWS_PER_CALL - 1)
    parts.push({ ...swarm, peers: [], done: done.slice(at, at + ROWS_PER_CALL - 1) })
  return parts
}

const rowsOf = ({ peers, done }: ExportedSwarm): number => 1 + peers.length + done.length

function* callsOf(parts: readonly ExportedSwarm[]): Generator<ExportedSwarm[]> {
  let call: ExportedSwarm[] = []
  let rows = 0
  for (const part of parts) {
    if (call.length > 0 && rows + rowsOf(part) > ROWS_PER_CALL) {
      yield call
      ;[call, rows] = [[], 0]
    }
    call.push(part)
    rows += rowsOf(part)
  }
  if (call.length > 0) yield call
}

/** List, last announce, endpoint, details: as the script reads them. */
function packPeer({ endpoint, isSeeder, announcedS, details }: StoredPeer, keepsDetails: boolean): Buffer {
  const kept = keepsDetails ? details : undefined
  const head = Buffer.allocUnsafe(5)
  head[0] = Number(isSeeder) + (endpoint.length === 18 ? 2 : 0) + (kept ? 4 : 0)
  head.writeUInt32BE(announcedS, 1)
  return Buffer.concat(kept ? [head, endpoint, kept.report, Buffer.of(kept.event)] : [head, endpoint])
}

function packCompletion({ endpoint, atS }: Completion): Buffer {
  const head = Buffer.allocUnsafe(5)
  head[0] = endpoint.length
  head.writeUInt32BE(atS, 1)
  return Buffer.concat([head, endpoint])
}

function readOutcome(swarm: ExportedSwarm, reply: readonly (number | Buffer)[]): SwarmOutcome | typeof MOVED {
  const [first, added = 0, changed = 0, unchanged = 0, expired = 0] = reply as number[]
  const rows = swarm.peers.length
  if (typeof first === 'number') {
    return {
      swarm,
      outcome: OUTCOMES[first] ?? 'unchanged',
      peers: { rows, added, changed, unchanged, expired, bad: 0 },
    }
  }
  const text = String(reply[0])
  return text === 'moving'
    ? MOVED
    : { swarm, outcome: 'bad', peers: { ...noOutcome(), rows, bad: rows }, problem: text }
}
