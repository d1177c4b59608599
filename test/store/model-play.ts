import assert from 'node:assert/strict'
import type { Redis } from 'ioredis'
import { makeCounters } from '../../lib/observe/counters.ts'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeRedisStore } from '../../lib/store/redis.ts'
import { makeShardSweeper, type ShardSweeper } from '../../lib/store/sweep.ts'
import type { StoredAnnounce, SwarmStore } from '../../lib/swarm/store.ts'
import { Model } from '../support/model.ts'
import { takeSnapshot } from '../support/read-swarm.ts'
import { silentLog } from '../support/store.ts'
import {
  agree,
  checkReplies,
  checkSweptInTime,
  followSweep,
  LIFETIME_S,
  readStored,
  type Stored,
  stopsOf,
} from './model-checks.ts'
import { apply, type Call, callsOf, explain, sweepAndLook } from './model-race.ts'
import { HASHES, type Play, SHARDS, type Step } from './model-steps.ts'

/** Connections of two frontends and of a sweeper. */
export type Connections = readonly [Redis, Redis, Redis]

/** Is told after each step what was done, what Redis holds, and whether the calls of a race came in turns. */
export type Watch = (seen: { step: Step; stored: Stored; model: Model; isInTurns: boolean }) => void

/** Plays steps on Redis and on the model, and holds the one against the other after each, with the audit at the end. */
export async function play(connections: Connections, { steps, ...settings }: Play, watch?: Watch): Promise<void> {
  await connections[0].flushall()
  const table = new Table(connections, settings)
  await table.listFirst()
  for (const [i, step] of steps.entries()) {
    try {
      const stored = await table.take(step)
      watch?.({ step, stored, model: table.model, isInTurns: table.isInTurns })
    } catch (error) {
      throw new Error(`step ${i + 1} of ${steps.length} (${step.kind}): ${shortText(error)}`, { cause: error })
    }
  }
  await table.audit()
}

const shortText = (error: unknown) => String(error instanceof Error ? error.message : error).slice(0, 400)

const KEYS = makeKeys('')

/** More events than any step brings about: all are kept until they are looked at. */
const EVENTS_MAX = 100_000

/** Far more than three swarms of some hundred peers take. */
const PIECES_MAX = 100

/** Two frontends, a sweeper and the model, that take one step after another. */
class Table {
  readonly #connections: Connections
  readonly #frontends: readonly [SwarmStore, SwarmStore]
  readonly #sweepShard: ShardSweeper
  readonly #sweepPiece: (shard: string) => Promise<Call>
  readonly #nowS = () => this.#atS
  #atS = 1_764_000_000
  #isFlushed = false
  /** What Redis held after the last step: it holds the same while no command is sent. */
  #stored: Stored = { swarms: new Map(), keys: new Map() }
  model: Model
  /** Whether the calls of the last step, a race, came in turns. */
  isInTurns = false

  constructor(connections: Connections, settings: Omit<Play, 'steps'>) {
    const { listed, peerDetails, tellsEvents, swarmPeersMax, completedLifetimeS, chance } = settings
    const eventsMax = tellsEvents ? EVENTS_MAX : 0
    const shared = {
      keys: KEYS,
      policy: { listed, peerDetails, peerLifetimeS: LIFETIME_S, eventsMax, ...(swarmPeersMax && { swarmPeersMax }) },
      random: makeRandom(chance),
      log: silentLog,
      nowS: this.#nowS,
    }
    const frontendOn = (redis: Redis) => makeRedisStore({ ...shared, redis, counters: makeCounters() })
    this.#connections = connections
    this.#frontends = [frontendOn(connections[0]), frontendOn(connections[1])]
    const [, , redis] = connections
    const sweep = { redis, keys: KEYS, peerLifetimeS: LIFETIME_S, completedLifetimeS, eventsMax, nowS: this.#nowS }
    this.#sweepShard = makeShardSweeper(sweep)
    this.#sweepPiece = (shard) => sweepAndLook(redis, shard, { nowS: this.#atS, eventsMax, completedLifetimeS })
    this.model = new Model({ listed, peerDetails, tellsEvents, swarmPeersMax, completedLifetimeS })
  }

  /** Where only listed torrents are served, two of three are to begin with. */
  async listFirst(): Promise<void> {
    for (const hash of HASHES.slice(0, 2)) await this.#setListed(hash.toString('hex'), true)
    this.#stored = await this.#look()
  }

  /** Takes a step; answers what Redis then holds, which the model agrees with. */
  async take(step: Step): Promise<Stored> {
    this.isInTurns = false
    this.#stored = (await this.#do(step)) ?? (await this.#look())
    agree(this.model, this.#stored, this.#atS)
    await this.#forgetEvents()
    return this.#stored
  }

  /** What was told has been held against the model: each step begins with none. */
  async #forgetEvents(): Promise<void> {
    if (!this.#stored.keys.delete(KEYS.events)) return
    this.model.events.clear()
    await this.#connections[0].del(KEYS.events)
  }

  /** The product's own eyes: what a scrape tells, and what the audit finds. */
  async audit(): Promise<void> {
    const scraped = await this.#frontends[1].scrape(HASHES)
    const counts = HASHES.map((hash) => this.model.scraped(hash.toString('hex')))
    assert.deepEqual(scraped, counts, 'scrape')
    const [redis] = this.#connections
    const report = await auditAll({ redis, keys: KEYS, peerLifetimeS: LIFETIME_S, shards: SHARDS, nowS: this.#nowS })
    const [first] = report.faults
    assert(report.drift === 0, `the audit finds drift ${report.drift}: ${first?.key} ${first?.fault}`)
  }

  async #do(step: Step): Promise<Stored | undefined> {
    switch (step.kind) {
      case 'announces':
        await this.#announceAndCheck(step.frontend, step.announces)
        return
      case 'race':
        return this.#race(step.announces, step.swept)
      case 'wait':
        this.#atS += step.seconds
        return this.#stored
      case 'sweep':
        return this.#sweep()
      case 'piece of a sweep':
        await this.#sweepPieces()
        return
      case 'mass stop':
        await this.#announceAndCheck(0, stopsOf(this.model, step.hash, step.keepEvery))
        return
      case 'whitelist':
        await this.#setListed(step.hash.toString('hex'), step.isListed)
        return
      case 'flush functions':
        await this.#connections[0].function('FLUSH')
        this.#isFlushed = true
        return this.#stored
      default: {
        const missed: never = step
        throw new Error(`unhandled step ${String(missed)}`)
      }
    }
  }

  async #look(): Promise<Stored> {
    return readStored(await takeSnapshot(this.#connections[0]))
  }

  async #announce(frontend: 0 | 1, announces: readonly StoredAnnounce[]) {
    // As a frontend hands them on: without details, no peer ids are asked for.
    const { peerDetails } = this.model.policy
    const asked = announces.map((each) => ({ ...each, wantsPeerIds: each.wantsPeerIds && peerDetails }))
    const replies = await this.#frontends[frontend].announce(asked)
    if (asked.length > 0) this.#isFlushed = false
    return { asked, replies }
  }

  async #announceAndCheck(frontend: 0 | 1, announces: readonly StoredAnnounce[]): Promise<void> {
    const { asked, replies } = await this.#announce(frontend, announces)
    checkReplies(this.model, asked, replies, this.#atS)
  }

  async #race(announces: readonly [StoredAnnounce[], StoredAnnounce[]], shard: string | undefined): Promise<Stored> {
    const isFlushed = this.#isFlushed
    const [one, two, swept] = await Promise.all([
      this.#announce(0, announces[0]),
      this.#announce(1, announces[1]),
      shard === undefined ? undefined : this.#sweepPiece(shard),
    ])
    const callers = [callsOf(one.asked, one.replies), callsOf(two.asked, two.replies), swept ? [swept] : []]
    // A call that must load its script again can be overtaken by the next of its frontend.
    const apart = isFlushed ? callers.flat().map((call) => [call]) : callers
    const stored = await this.#look()
    const { model, order } = explain(this.model, apart, stored, this.#atS)
    this.model = model
    const turns = order.filter((caller, i) => caller !== order[i - 1]).length
    this.isInTurns = turns > new Set(order).size
    return stored
  }

  /** Sweeps as the sweeper does, until there is no more to do. */
  async #sweep(): Promise<Stored> {
    const sum = { removed: 0, dropped: 0 }
    for (const shard of SHARDS) {
      for (let hasMore = true, pieces = 1; hasMore; pieces++) {
        assert(pieces < PIECES_MAX, 'a sweep without an end')
        const piece = await this.#sweepShard(shard)
        assert.deepEqual(piece.damaged, [])
        sum.removed += piece.peersRemoved
        sum.dropped += piece.torrentsDropped
        hasMore = piece.hasMore
      }
    }
    const stored = await this.#look()
    assert.deepEqual(followSweep(this.model, stored, this.#atS), sum, 'what a sweep says it did')
    checkSweptInTime(stored, this.model, this.#atS)
    return stored
  }

  /** A piece of each shard: it may end anywhere, and what follows meets swarms that are half swept. */
  async #sweepPieces(): Promise<void> {
    for (const shard of SHARDS) apply(this.model, await this.#sweepPiece(shard), this.#atS)
  }

  async #setListed(hex: string, isListed: boolean): Promise<void> {
    if (isListed) this.model.whitelist.add(hex)
    else this.model.whitelist.delete(hex)
    await this.#connections[0][isListed ? 'sadd' : 'srem'](KEYS.whitelist(hex.slice(0, 3)), hex)
  }
}

/** Chance that repeats (mulberry32), so that a play does. */
function makeRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
