import calculateSlot from 'cluster-key-slot'
import { type Keys, shardNames } from '../../../lib/store/keys.ts'

const SLOTS = 16_384

/** How many shards each master has, where slots are shared out as `redis-cli --cluster create` does: in equal ranges. */
export function shardsOfMasters(keys: Keys, masters: number): number[] {
  const counts = new Array<number>(masters).fill(0)
  for (const shard of shardNames()) {
    const master = Math.min(masters - 1, Math.floor((calculateSlot(keys.torrents(shard)) * masters) / SLOTS))
    counts[master] = (counts[master] as number) + 1
  }
  return counts
}
