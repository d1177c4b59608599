import type { InfoHash } from '../wire/info-hash.ts'
import { atMasters, MOVED } from './at-masters.ts'
import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'
import { loadScript, runScript } from './scripts.ts'

/** What another tracker has counted of a torrent. */
export type CompletedCount = { infoHash: InfoHash; completed: number }

/** What was done with it, or would be: the torrent came to be, its count was raised, or it had as many. */
export type CompletedOutcome = 'created' | 'raised' | 'unchanged' | { damaged: string }

/** Most that a swarm's head can hold. */
export const COMPLETED_MAX = 2 ** 32 - 1

/** Torrents in one script: about 1 ms of Redis, in which announces wait. */
const TORRENTS_PER_CALL = 100
const OUTCOMES = ['unchanged', 'raised', 'created'] as const

/** Takes over counts of completed downloads: afterwards each torrent has at least so many. */
export type CompletedImporter = (
  counts: readonly CompletedCount[],
  mode: 'write' | 'look',
) => Promise<CompletedOutcome[]>

/** The importer of a Redis. Counts are from 1 to `COMPLETED_MAX`; `look` writes nothing. */
export function makeCompletedImporter({ redis, keys }: { redis: RedisClient; keys: Keys }): CompletedImporter {
  const script = loadScript('import_completed')
  const keyOf = ({ infoHash }: CompletedCount) => keys.swarm(infoHash.toString('hex'))
  return async (counts, mode) => {
    const outcomes: CompletedOutcome[] = []
    for (let at = 0; at < counts.length; at += TORRENTS_PER_CALL) {
      const some = counts.slice(at, at + TORRENTS_PER_CALL)
      outcomes.push(
        ...(await atMasters(redis, some, keyOf, async (node, own) => {
          const pairs = own.flatMap(({ infoHash, completed }) => [infoHash.toString('hex'), completed])
          const replies = await runScript(node, script, [], [keys.prefix, mode, ...pairs])
          return (replies as (number | Buffer)[]).map(readOutcome)
        })),
      )
    }
    return outcomes
  }
}

function readOutcome(reply: number | Buffer): CompletedOutcome | typeof MOVED {
  if (typeof reply === 'number') return OUTCOMES[reply] ?? 'unchanged'
  const text = String(reply)
  return text === 'moving' ? MOVED : { damaged: text }
}
