import { setTimeout as sleep } from 'node:timers/promises'
import { makeKeys } from '../../../lib/store/keys.ts'
import { makeSwarmReader } from '../../../lib/store/reader.ts'
import { until } from '../../support/redis.ts'
import type { ExpectedPeer } from '../expected.ts'
import type { Fault, Moments } from '../fault.ts'
import { LOAD } from '../load.ts'
import { type OneRedisOptions, type OneRedisScene, onOneRedis } from '../one-redis.ts'

const LIFETIME_S = 10
const LIFETIME_MS = LIFETIME_S * 1000
/** A peer's time is kept in whole seconds. */
const KEPT_MS_MIN = LIFETIME_MS - 1000
const SWEPT_MS_MAX = 20_000
/** So long sweeps must wait at least for clients to be heard: the longest interval that a lifetime of 10 s leaves is 7 s. */
const HELD_MS = 5000

const SHORT_LIVES: OneRedisOptions = {
  tracker: {
    settings: {
      ...{ REDSWARM_PEER_LIFETIME_S: `${LIFETIME_S}`, REDSWARM_SWEEP_INTERVAL_S: '1' },
      ...{ REDSWARM_ANNOUNCE_INTERVAL_S: '4', REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '2' },
    },
  },
  load: { play: { ...LOAD.play, lifetimeMs: KEPT_MS_MIN } },
}

/** How many peers are stored of those that clients know, and that are of interest. */
async function storedOf({ redis, load }: OneRedisScene, isMeant: (peer: ExpectedPeer) => boolean) {
  const reader = makeSwarmReader({ redis, keys: makeKeys('') })
  let [stored, meant] = [0, 0]
  for (const { infoHash, swarm } of load.actors) {
    const found = new Set((await reader.swarm(infoHash, 10_000))?.peers.map(({ endpoint }) => endpoint.toString('hex')))
    for (const peer of swarm.peers.values()) {
      if (peer.states.has('absent') || !isMeant(peer)) continue
      meant += 1
      if (found.has(peer.endpoint)) stored += 1
    }
  }
  return { stored, meant }
}

/** Nobody sweeps for three lifetimes: peers that fell silent stay so long, and go once there is a sweeper again. */
async function leaveUnswept(scene: OneRedisScene): Promise<Moments> {
  const [sweeper] = scene.tracker.of('sweeper')
  const fromMs = performance.now()
  await sweeper?.kill()
  await sleep(3 * LIFETIME_MS)
  const silentMs = performance.now() - LIFETIME_MS - 1000
  const isSilent = ({ heardMs }: ExpectedPeer) => heardMs < silentMs
  const before = await storedOf(scene, isSilent)
  const healedMs = (await sweeper?.start()) ?? 0
  await until('the silent to go', async () => (await storedOf(scene, isSilent)).stored === 0, SWEPT_MS_MAX)
  const tookS = ((performance.now() - healedMs) / 1000).toFixed(1)
  if (before.stored === 0) scene.problems.push('no peer had fallen silent')
  if (before.stored < before.meant) scene.problems.push(`${before.meant - before.stored} went, and nobody swept`)
  return {
    fromMs,
    healedMs,
    note: `${before.stored} silent peers, gone ${tookS} s after the sweeper's start`,
  }
}

/** Redis is away for longer than peers are kept: those that could not announce must not be swept before they could. */
async function outliveAll(scene: OneRedisScene): Promise<Moments> {
  const { server, load } = scene
  await load.pause()
  const fromMs = performance.now()
  await server.kill()
  load.resume()
  await sleep(LIFETIME_MS + 3000)
  // Nobody announces now, so whoever is there has been kept.
  await load.pause()
  await server.start()
  const healedMs = await server.untilServes()
  await sleep(HELD_MS)
  const { stored, meant } = await storedOf(
    scene,
    ({ heardMs, states }) => heardMs > fromMs - KEPT_MS_MIN && states.size === 1,
  )
  load.resume()
  if (meant === 0) scene.problems.push('nobody was there')
  if (stored < meant) scene.problems.push(`${meant - stored} of ${meant} peers were swept that could not announce`)
  return {
    fromMs,
    healedMs: healedMs + HELD_MS,
    isUntimed: true,
    note: `${stored} peers that could not announce, kept`,
  }
}

export const lifetimeFaults: readonly Fault[] = [
  { name: 'the sweeper dead for three peer lifetimes', stage: onOneRedis(leaveUnswept, SHORT_LIVES) },
  {
    name: 'Redis away for longer than a peer lifetime',
    mayRefuse: ['away', 'loading'],
    stage: onOneRedis(outliveAll, SHORT_LIVES),
  },
]
