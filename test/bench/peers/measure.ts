import { makeRandom } from '../../../lib/random.ts'
import type { InfoHash } from '../../../lib/wire/info-hash.ts'
import { addressOfPeer, makeLoad } from '../../../services/load/shape.ts'
import { type LoadResult, type LoadShape, runLoad } from './load.ts'
import { residentBytesOf } from './process.ts'
import type { Protocol, RunningTracker, Tracker } from './tracker.ts'

/** What one round of one tracker showed. */
export type Round = { tracker: string; load: LoadResult; bytesPerPeer: Record<string, number> }

/** As `redswarm load` has it unless told otherwise. */
const ADDRESSES = 16

/** The torrents of the load, once each, for a tracker that serves a list. */
export function infoHashesOf({ torrents, peers }: LoadShape): InfoHash[] {
  const load = makeLoad(torrents, peers, makeRandom(), (peer) => addressOfPeer(peer, ADDRESSES))
  return [...new Set(load.map(({ infoHash }) => infoHash))]
}

/** Starts a tracker, empty, fills it, loads it, ends it. */
export async function measure(
  tracker: Tracker,
  protocol: Protocol,
  shape: LoadShape,
  infoHashes: readonly InfoHash[],
): Promise<Round> {
  const running = await tracker.start({ protocol, infoHashes, numwant: shape.numwant })
  try {
    const empty = residentOf(running)
    let filled: Record<string, number> | undefined
    const load = await runLoad(running, shape, {
      more: ['--addresses', String(ADDRESSES)],
      onLoading: () => {
        filled = residentOf(running)
      },
    })
    if (!filled) throw new Error('redswarm load did not say when the tracker was filled')
    const perPeer = Object.entries(filled).map(([name, bytes]) => [name, (bytes - (empty[name] ?? 0)) / shape.peers])
    return { tracker: tracker.name, load, bytesPerPeer: Object.fromEntries(perPeer) }
  } finally {
    await running.stop()
  }
}

const residentOf = ({ pids }: RunningTracker): Record<string, number> =>
  Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, residentBytesOf(pid)]))
