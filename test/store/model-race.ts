import assert from 'node:assert/strict'
import type { Redis } from 'ioredis'
import { loadScript, makeScript, runScript } from '../../lib/store/scripts.ts'
import type { StoredAnnounce, StoredReply } from '../../lib/swarm/store.ts'
import type { Model } from '../support/model.ts'
import { LOOK, toSnapshot } from '../support/read-swarm.ts'
import { agree, checkReplies, followSweep, LIFETIME_S, readStored, type Stored } from './model-checks.ts'

/** The store sends so many announces in one call, which is one script. */
const ANNOUNCES_PER_CALL = 64

/** The sweeper looks at 300 peers in a piece; at fewer here, so that more swarms are left half swept. */
const PEERS_PER_PIECE = 60

/** What Redis did in one go: a call of a frontend's, or a piece of a sweep, with what stood there right after it. */
export type Call =
  | { announces: readonly StoredAnnounce[]; replies: readonly StoredReply[] }
  | { removed: number; dropped: number; left: Stored }

/** A frontend's announces as the calls that they were sent in. */
export function callsOf(announces: readonly StoredAnnounce[], replies: readonly StoredReply[]): Call[] {
  const calls: Call[] = []
  for (let at = 0; at < announces.length; at += ANNOUNCES_PER_CALL) {
    const end = at + ANNOUNCES_PER_CALL
    calls.push({ announces: announces.slice(at, end), replies: replies.slice(at, end) })
  }
  return calls
}

const SWEEP_AND_LOOK = makeScript(
  'sweep_and_look',
  `local sweep = (function()
${loadScript('sweep').body}
end)()
return function(KEYS, ARGV)
  local swept, pattern = sweep(KEYS, ARGV), '*'
  ${LOOK}
  return { swept, look }
end
`,
)

/**
 * Sweeps a piece of a shard and looks in the same breath: announces that come right after it could bring back whom it
 * removed, and nobody could tell. The script is the sweeper's own, with the look behind it.
 */
export async function sweepAndLook(
  redis: Redis,
  shard: string,
  {
    nowS,
    eventsMax,
    completedLifetimeS = '',
  }: { nowS: number; eventsMax: number; completedLifetimeS?: number | '' | undefined },
): Promise<Call> {
  const args = ['', LIFETIME_S, PEERS_PER_PIECE, nowS, eventsMax, completedLifetimeS]
  const reply = await runScript(redis, SWEEP_AND_LOOK, [`torrents:{${shard}}`], args)
  const [[, removed, dropped, ...damaged], look] = reply as [[number, number, number, ...Buffer[]], unknown[]]
  assert.deepEqual(damaged.map(String), [])
  return { removed, dropped, left: readStored(toSnapshot(look)) }
}

/**
 * The model after calls of which nobody saw the order: one of the orders that keep each caller's own must explain every
 * reply, and what Redis holds at the end. Where a caller may overtake itself, give each call a caller of its own.
 */
export function explain(model: Model, callers: readonly Call[][], stored: Stored, nowS: number): Explained {
  let firstError: unknown
  const search = (before: Model, waiting: readonly Call[][], order: number[]): Explained | undefined => {
    try {
      if (waiting.every((calls) => calls.length === 0)) {
        agree(before, stored, nowS)
        return { model: before, order }
      }
    } catch (error) {
      firstError ??= error
    }
    for (const [caller, [next, ...rest]] of waiting.entries()) {
      const after = next && tryCall(before, next)
      const found = after && search(after, waiting.with(caller, rest), [...order, caller])
      if (found) return found
    }
    return undefined
  }
  const tryCall = (before: Model, call: Call): Model | undefined => {
    const after = before.clone()
    try {
      apply(after, call, nowS)
      return after
    } catch (error) {
      firstError ??= error
      return undefined
    }
  }
  const found = search(model, callers, [])
  if (!found) throw firstError
  return found
}

/** A model that agrees, and which caller's turn each call was. */
export type Explained = { model: Model; order: number[] }

/** Does to the model what a call did; all that the call answered must fit. */
export function apply(model: Model, call: Call, nowS: number): void {
  if ('announces' in call) {
    checkReplies(model, call.announces, call.replies, nowS)
    return
  }
  const { removed, dropped } = followSweep(model, call.left, nowS)
  assert.deepEqual({ removed, dropped }, { removed: call.removed, dropped: call.dropped }, 'what a sweep says it did')
  agree(model, call.left, nowS)
}
