import { setTimeout as sleep } from 'node:timers/promises'
import { makeRandom } from '../../../lib/random.ts'
import type { Fault, Moments } from '../fault.ts'
import { LOAD } from '../load.ts'
import { type OneRedisScene, onOneRedis } from '../one-redis.ts'
import { startRelay, type Weather } from '../relay.ts'

const WEATHER_MS = 10_000
/** Longer than two ways of a datagram through any of these: a copy of a peer's announce that comes after its next one would undo it. */
const REST_MS = 150
/** Half of all that is asked goes unanswered where 30 % are lost each way: of a million requests all are answered within so many tries. */
const PATIENCE = { waitMs: 400, tries: 24 }

/** Has all datagrams of the load go through a relay for a while. */
async function weather(scene: OneRedisScene, kind: Weather): Promise<Moments> {
  const { tracker, load, seed } = scene
  const random = makeRandom(seed)
  const relays = await Promise.all(tracker.places.map(({ udpPort }) => startRelay([udpPort], kind, random)))
  const fromMs = performance.now()
  load.ask(tracker.places.map((place, i) => ({ ...place, name: `relay ${i + 1}`, udpPort: relays[i]?.udpPort ?? 0 })))
  await sleep(WEATHER_MS)
  load.ask(tracker.places)
  const healedMs = performance.now()
  // What is open ends as it began.
  await load.pause()
  load.resume()
  for (const relay of relays) relay.close()
  scene.problems.push(...relays.flatMap((relay) => relay.problems()))
  return { fromMs, healedMs }
}

const load = { patience: PATIENCE, play: { ...LOAD.play, restMs: REST_MS } }

export const datagramFaults: readonly Fault[] = [
  {
    name: '30 % of all datagrams lost each way',
    stage: onOneRedis((scene) => weather(scene, { lost: 0.3 }), { load }),
  },
  {
    name: '30 % of all datagrams come twice, each way',
    stage: onOneRedis((scene) => weather(scene, { twice: 0.3 }), { load }),
  },
  {
    name: 'datagrams up to 50 ms late that overtake each other, 30 % of them twice, each way',
    stage: onOneRedis((scene) => weather(scene, { twice: 0.3, delayMsMax: 50 }), { load }),
  },
]
