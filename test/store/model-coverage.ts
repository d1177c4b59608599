import type { RawSwarm } from '../support/read-swarm.ts'
import type { Watch } from './model-play.ts'
import { HASHES, type PlaySize, type Step } from './model-steps.ts'

/** One swarm before a step and after it. */
type Look = {
  step: Step
  before: RawSwarm | undefined
  now: RawSwarm | undefined
  /** What the play did to this swarm before this step. */
  past: { wasLarge: boolean; hadMerged: boolean }
  /** As many peers as it may have. */
  peersMax: number | undefined
  /** Whether announces to it were refused: it is not listed. */
  isRefused: boolean
  /** Whether the calls of a race came in turns: one of each frontend between two of the other. */
  isInTurns: boolean
}

const isLarge = (swarm: RawSwarm | undefined) => swarm?.isSmall === false
const sumOf = (swarm: RawSwarm | undefined) => (swarm?.chunks ?? []).reduce((sum, count) => sum + count, 0)
const hasGrown = ({ before, now }: Look) => isLarge(now) && !isLarge(before)
const hasSplit = ({ before, now }: Look) => isLarge(before) && sumOf(now) > sumOf(before)
const hasMerged = ({ before, now }: Look) => isLarge(before) && isLarge(now) && sumOf(now) < sumOf(before)
const hasEmptied = ({ before, now }: Look) => isLarge(before) && now?.peers.size === 0 && now.isSmall
const isGone = ({ before, now }: Look) => isLarge(before) && !now
const isSweep = ({ step }: Look) => step.kind === 'sweep' || step.kind === 'piece of a sweep'
const announces = ({ step }: Look) => step.kind === 'announces' || step.kind === 'mass stop'
const hasChunks = (chunks: number) => (look: Look) => Math.max(0, ...(look.now?.chunks ?? [])) >= chunks
const ipv6Of = (swarm: RawSwarm, role: number) =>
  [...swarm.peers].filter(([id, value]) => id.length === 36 && value[0] === role).length

/** What plays must reach to be worth playing: each size where the layout changes, and each way there and back. */
const SIGHTS: Record<string, (look: Look) => boolean> = {
  'a small swarm of 10 peers': ({ now }) => now?.isSmall === true && now.peers.size === 10,
  'a small swarm with 3 IPv6 peers in a piece': ({ now }) =>
    now?.isSmall === true && [0, 1].some((r) => ipv6Of(now, r) === 3),
  'small to large, by more than 10 peers': (look) => hasGrown(look) && (look.now?.peers.size ?? 0) > 10,
  'small to large, by a 4th IPv6 peer in a piece': (look) => hasGrown(look) && (look.now?.peers.size ?? 0) <= 10,
  'small to large again, after it was large': (look) => hasGrown(look) && look.past.wasLarge,
  'a large swarm of 10 peers or fewer': ({ now }) => isLarge(now) && (now?.peers.size ?? 0) <= 10,
  'a chunk of 56 peers': ({ now }) => isLarge(now) && now?.fullest === 56,
  '2 chunks in a list': hasChunks(2),
  '3 chunks in a list': hasChunks(3),
  '5 chunks in a list': hasChunks(5),
  '9 chunks in a list': hasChunks(9),
  'chunks of IPv4 and IPv6 side by side': ({ now }) => (now?.chunks ?? []).filter((count) => count > 1).length > 2,
  'a split': hasSplit,
  'a merge by announces': (look) => hasMerged(look) && announces(look),
  'a merge by a sweep': (look) => hasMerged(look) && isSweep(look),
  'a split after a merge': (look) => hasSplit(look) && look.past.hadMerged,
  'a half swept swarm': ({ now }) => now?.isHalfSwept === true,
  'announces to a half swept swarm': (look) => look.before?.isHalfSwept === true && announces(look),
  'a large swarm emptied by stops, completed kept': (look) => hasEmptied(look) && announces(look),
  'a large swarm emptied by a sweep, completed kept': (look) => hasEmptied(look) && isSweep(look),
  'a large swarm gone by stops': (look) => isGone(look) && announces(look),
  'a large swarm gone by a sweep': (look) => isGone(look) && isSweep(look),
  'an empty swarm that fills again': ({ before, now }) => before?.peers.size === 0 && (now?.peers.size ?? 0) > 0,
  'an announce refused, its torrent not listed': ({ isRefused }) => isRefused,
  'a torrent that is unlisted while it has peers': ({ isRefused, now }) => isRefused && (now?.peers.size ?? 0) > 0,
  'a swarm of as many peers as it may have': ({ now, peersMax }) => now?.peers.size === peersMax && now !== undefined,
  'a torrent removed that was kept for its completed downloads': (look) =>
    isSweep(look) && look.before?.peers.size === 0 && look.before.counts.completed > 0 && !look.now,
  'two frontends whose calls came in turns': ({ isInTurns }) => isInTurns,
}

/** What 30 endpoints at most never bring about. */
const OF_LARGE_PLAYS = /chunk|split|merge|half swept|in turns/

/** What plays of this size are to reach. */
const sightsOf = (size: PlaySize): string[] =>
  Object.keys(SIGHTS).filter((sight) => size === 'large' || !OF_LARGE_PLAYS.test(sight))

/** Counts in how many plays of a size each sight was seen. */
export function makeCoverage(size: PlaySize) {
  const plays = new Map(sightsOf(size).map((sight) => [sight, 0]))
  return {
    plays,
    watchPlay: () => makeWatch((sight) => plays.set(sight, (plays.get(sight) ?? 0) + 1)),
    unseen: () => [...plays].flatMap(([sight, count]) => (count === 0 ? [sight] : [])),
  }
}

/** Watches one play; tells each sight once. */
function makeWatch(tell: (sight: string) => void): Watch {
  const unseen = new Map(Object.entries(SIGHTS))
  let before = new Map<string, RawSwarm>()
  const pasts = new Map(HASHES.map((hash) => [hash.toString('hex'), { wasLarge: false, hadMerged: false }]))
  return ({ step, stored: { swarms }, model, isInTurns }) => {
    for (const [hex, past] of pasts) {
      const isRefused = model.policy.listed && !model.whitelist.has(hex) && isAnnounced(step, hex)
      const peersMax = model.policy.swarmPeersMax
      const look = { step, before: before.get(hex), now: swarms.get(hex), past, peersMax, isRefused, isInTurns }
      for (const [sight, isSeen] of unseen) {
        if (!isSeen(look)) continue
        unseen.delete(sight)
        tell(sight)
      }
      past.wasLarge ||= isLarge(look.now)
      past.hadMerged ||= hasMerged(look)
    }
    before = swarms
  }
}

const isAnnounced = (step: Step, hex: string) =>
  step.kind === 'announces' && step.announces.some(({ infoHash }) => infoHash.toString('hex') === hex)
