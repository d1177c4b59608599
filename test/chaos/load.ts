import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeRandom } from '../../lib/random.ts'
import { type InfoHash, toInfoHash } from '../../lib/wire/info-hash.ts'
import { until } from '../support/redis.ts'
import { type Actor, makeActor, type Outcome, type Play, type Way } from './actor.ts'
import { ASKS_ONCE, type Patience, type Place } from './asker.ts'

/** A request and what became of it; `endMs` is for ever away while it is open. */
export type Sent = Outcome & { sentMs: number; endMs: number; place: string; way: Way; infoHash: InfoHash }

/** How much is played, and how. */
export type LoadOptions = {
  seed: number
  /** Swarms at a time. */
  swarms: number
  /** Mean rest of each swarm between two requests. */
  restMs: number
  patience: Patience
  play: Play
  /** Peers of the first swarm that are there all the time: enough for its peers to lie in chunks. */
  bigQuiet: number
  /** How long each swarm is played on average before another takes its place. */
  swarmMs: number
  /** Whether all swarms share 64 shards: the totals of a shard stay in Redis for good, of 4,096 at most. */
  hasFewShards: boolean
}

export const LOAD: Omit<LoadOptions, 'seed'> = {
  ...{
    swarms: 60,
    restMs: 100,
    patience: ASKS_ONCE,
    bigQuiet: 160,
    swarmMs: Number.POSITIVE_INFINITY,
    hasFewShards: false,
  },
  play: { quiet: 4, activeMax: 7, restMs: 0, lifetimeMs: Number.POSITIVE_INFINITY },
}

/** A swarm that nobody announces any more, and since when. */
export type EndedSwarm = { infoHash: InfoHash; sinceMs: number }

/** Clients of some frontends who ask all the time, and know what they must be told. */
export type Load = {
  /** The swarms that are played now. */
  readonly actors: readonly Actor[]
  /** Swarms whose peers have all fallen silent; who looks takes out what has gone. */
  readonly ended: EndedSwarm[]
  /** All requests so far. */
  readonly sent: Sent[]
  /** The frontends that are asked from now on. */
  ask: (places: readonly Place[]) => void
  /** Asks nothing more, and waits until nothing is open. */
  pause: () => Promise<void>
  resume: () => void
  /** Waits until each swarm has all the peers that only come. */
  filled: () => Promise<void>
  stop: () => Promise<void>
}

/** One of the swarms that are played at a time. */
type Slot = { actor: Actor; random: () => number; quiet: number; untilMs: number }

/** How long clients may take to have made their swarms, and to have all that they asked for. */
const FILLED_MS_MAX = 60_000
const PAUSED_MS_MAX = 30_000

/** Plays swarms at some frontends from now on. */
export function startLoad(places: readonly Place[], options: LoadOptions): Load {
  let asked = places
  let [isOver, isPaused] = [false, false]
  const sent: Sent[] = []
  const ended: EndedSwarm[] = []
  const open = new Set<Sent>()
  let wake = Promise.withResolvers<void>()
  const placeOf = (random: () => number) => asked[Math.floor(random() * asked.length)] as Place
  const begin = (i: number, random: () => number, generation: number): Slot => {
    const name = `${options.seed} ${i} ${generation}`
    const digest = createHash('sha1').update(name).digest()
    // A shard is named by the first 12 bits.
    if (options.hasFewShards) digest.writeUInt8(digest.readUInt8(0) & 0x03, 0)
    const infoHash = toInfoHash(digest) as InfoHash
    const address = `127.20.${i >> 8}.${i & 255}`
    const play = i === 0 ? { ...options.play, quiet: options.bigQuiet } : options.play
    const actor = makeActor({ infoHash, address, play, patience: options.patience }, { random, placeOf })
    const untilMs = performance.now() + options.swarmMs * (0.5 + random())
    return { actor, random, quiet: play.quiet, untilMs }
  }
  const slots = Array.from({ length: options.swarms }, (_, i) => begin(i, makeRandom(options.seed * 10_000 + i), 0))

  const request = async (actor: Actor): Promise<void> => {
    const step = actor.step()
    if (!step) return
    const one: Sent = {
      ...{ sentMs: performance.now(), endMs: Number.POSITIVE_INFINITY, place: step.place.name, way: step.way },
      ...{ infoHash: actor.infoHash, outcome: 'lost', why: '' },
    }
    sent.push(one)
    open.add(one)
    Object.assign(one, await step.done, { endMs: performance.now() })
    open.delete(one)
  }
  const play = async (i: number): Promise<void> => {
    for (let generation = 1; !isOver; ) {
      const { actor, random, quiet, untilMs } = slots[i] as Slot
      if (isPaused) await wake.promise
      else if (performance.now() > untilMs) {
        ended.push({ infoHash: actor.infoHash, sinceMs: performance.now() })
        actor.close()
        slots[i] = begin(i, random, generation++)
      } else await request(actor)
      // The peers that only come are there at once: nothing is looked at before.
      if (actor.swarm.peers.size >= quiet) await sleep(options.restMs * (0.5 + random()))
    }
    slots[i]?.actor.close()
  }
  const runs = slots.map((_, i) => play(i))

  return {
    get actors() {
      return slots.map(({ actor }) => actor)
    },
    ...{ ended, sent },
    ask(others) {
      asked = others
    },
    async pause() {
      isPaused = true
      await until('all requests to end', () => open.size === 0, PAUSED_MS_MAX)
    },
    resume() {
      isPaused = false
      wake.resolve()
      wake = Promise.withResolvers()
    },
    async filled() {
      const isFilled = () => slots.every(({ actor, quiet }) => actor.swarm.peers.size > quiet)
      await until('all swarms to be made', isFilled, FILLED_MS_MAX)
    },
    async stop() {
      isOver = true
      wake.resolve()
      await Promise.all(runs)
    },
  }
}
