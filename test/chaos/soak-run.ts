import { setTimeout as sleep } from 'node:timers/promises'
import { makeRandom } from '../../lib/random.ts'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { until } from '../support/redis.ts'
import { compareStore } from './compare.ts'
import { type EndedSwarm, LOAD, type Sent } from './load.ts'
import { type OneRedisOptions, type OneRedisScene, openOneRedis } from './one-redis.ts'
import { everStruck, soakFaults } from './soak-faults.ts'

/** What was counted in a round. */
export type Round = {
  minute: number
  faults: number
  answered: number
  refused: number
  lost: number
  wrong: number
  /** Swarms that have gone, all of them, since the last round. */
  swarmsGone: number
  /** Of the processes that are never killed. */
  residentBytes: number
  redisBytes: number
  auditFaults: number
}

/** What came of a soak: what should not be is in `problems`. */
export type Soak = { rounds: Round[]; problems: string[] }

const LIFETIME_S = 10
const LIFETIMES: OneRedisOptions = {
  tracker: {
    hasApi: true,
    settings: {
      ...{ REDSWARM_PEER_LIFETIME_S: `${LIFETIME_S}`, REDSWARM_SWEEP_INTERVAL_S: '1' },
      ...{ REDSWARM_ANNOUNCE_INTERVAL_S: '4', REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '2' },
      ...{ REDSWARM_COMPLETED_LIFETIME_S: '5' },
      // The stream is at its limit in the first round already.
      REDSWARM_EVENTS_MAX: '500',
      // V8's young generation grows for half an hour otherwise, to 128 MB, and would hide what else does.
      NODE_OPTIONS: '--max-semi-space-size=8',
    },
  },
  load: { swarmMs: 12_000, hasFewShards: true, play: { ...LOAD.play, lifetimeMs: (LIFETIME_S - 1) * 1000 } },
}
/** A round: things happen, then nothing until eviction goes on again after the last of them (7 s), and all is looked at. */
const STRIKES_MS = 45_000
const CALM_MS = 15_000
/** All that was sent before the end of a fault has been done by then, or never will be. */
const SETTLE_MS = 2500
const REST_MS_MAX = 2000
/** So soon after a fault all are served. */
const RECOVERY_MS_MAX = 1000
/** Each within so long: as a call of Redis may take, on a machine that has other things to do beside. */
const SERVED_MS_MAX = 2000
/** A swarm whose peers fell silent so long ago is gone: a lifetime, one more for downloads that completed, a wait after an outage. */
const GONE_MS = 40_000
const EMPTY_MS_MAX = 60_000
/** What memory may be more at the end than in the first round: V8 and allocators keep some of what they had. */
const GROWTH_MAX = 1.3

/** Plays swarms for some minutes, while things happen to the tracker; `onRound` hears of each minute. */
export async function soak(
  { folder, seed, minutes }: { folder: string; seed: number; minutes: number },
  onRound: (round: Round, problems: readonly string[]) => void,
): Promise<Soak> {
  const scene = await openOneRedis({ folder, seed }, LIFETIMES)
  const random = makeRandom(seed)
  const startMs = performance.now()
  const endMs = startMs + minutes * 60_000
  const rounds: Round[] = []
  const problems: string[] = []
  try {
    await scene.load.filled()
    while (performance.now() < endMs) {
      const strikes = await strikeFor(scene, random, Math.min(STRIKES_MS, endMs - CALM_MS - performance.now()))
      const { round, found } = await look(scene, strikes, (performance.now() - startMs) / 60_000)
      rounds.push(round)
      problems.push(...found.map((problem) => `minute ${round.minute.toFixed(1)}: ${problem}`))
      onRound(round, found)
    }
    problems.push(...(await leftBehind(scene)), ...grown(rounds))
  } finally {
    await scene.stop()
  }
  return { rounds, problems }
}

/** A fault that happened, and until when nothing else did. */
type Strike = { fromMs: number; healedMs: number; nextMs: number; mayLose: boolean }

/** Does one thing after another for so long, at least one, and then nothing for a while. */
async function strikeFor(scene: OneRedisScene, random: () => number, forMs: number): Promise<Strike[]> {
  const untilMs = performance.now() + forMs
  const strikes: Strike[] = []
  do {
    const fault = soakFaults[Math.floor(random() * soakFaults.length)] as (typeof soakFaults)[number]
    const fromMs = performance.now()
    await fault.strike(scene, random)
    const healedMs = performance.now()
    await sleep(SETTLE_MS)
    for (const { swarm } of scene.load.actors) swarm.settle()
    const isLast = performance.now() >= untilMs
    await sleep(isLast ? CALM_MS : REST_MS_MAX * random())
    strikes.push({ fromMs, healedMs, nextMs: performance.now(), mayLose: fault.mayLose ?? false })
  } while (performance.now() < untilMs)
  return strikes
}

/** Looks at all that was answered since the last round, at the store, and at memory. */
async function look({ load, redis, tracker, usedBytes, server }: OneRedisScene, strikes: Strike[], minute: number) {
  await load.pause()
  for (const { swarm } of load.actors) swarm.settle()
  const compared = await compareStore(redis, load.actors)
  const audit = await auditAll({ redis, keys: makeKeys(''), peerLifetimeS: LIFETIME_S })
  const ended = load.ended.splice(0)
  const isOver = ({ sinceMs }: EndedSwarm) => performance.now() - sinceMs > GONE_MS
  const over = ended.filter(isOver)
  load.ended.push(...ended.filter((swarm) => !isOver(swarm)))
  const stayed = await Promise.all(
    over.map(async ({ infoHash }) => {
      const key = makeKeys('').swarm(infoHash.toString('hex'))
      return (await server.redis.exists(key)) === 0 ? [] : [key]
    }),
  )
  const sent = load.sent.splice(0)
  const of = (outcome: Sent['outcome']) => sent.filter((each) => each.outcome === outcome)
  const texts = (what: string, values: readonly string[]) => values.map((value) => `${what}: ${value}`)
  const found = [
    ...texts('wrong answer', of('wrong').map(textOf)),
    ...texts(
      'no answer',
      of('lost')
        .filter((each) => isLostForNothing(each, strikes))
        .map(textOf),
    ),
    ...texts('not served though nothing was wrong', sent.filter((each) => isUnserved(each, strikes)).map(textOf)),
    ...texts('peer lost', compared.lost),
    ...texts('peer that is not', compared.strangers),
    ...texts('count', compared.miscounted),
    ...texts(
      'audit',
      audit.faults.map((fault) => JSON.stringify(fault)),
    ),
    ...texts('swarm that stays', stayed.flat()),
  ]
  const round: Round = {
    ...{ minute, faults: strikes.length, swarmsGone: over.length - stayed.flat().length },
    ...{
      answered: of('answered').length,
      refused: of('refused').length,
      lost: of('lost').length,
      wrong: of('wrong').length,
    },
    residentBytes: tracker.parts
      .filter((part) => !everStruck(tracker, part))
      .reduce((sum, part) => sum + part.residentBytes(), 0),
    ...{ redisBytes: await usedBytes(), auditFaults: audit.faults.length },
  }
  load.resume()
  return { round, found }
}

const textOf = ({ way, outcome, why, sentMs, endMs }: Sent): string =>
  `${way} ${outcome} ${why}, in ${Math.round(endMs - sentMs)} ms`

/** Whether a request without an answer was open at no time when a frontend was away. */
const isLostForNothing = (sent: Sent, strikes: readonly Strike[]): boolean =>
  !strikes.some(({ fromMs, healedMs, mayLose }) => mayLose && sent.sentMs <= healedMs && sent.endMs >= fromMs)

/** Whether a request was not served at once though the last fault was over, and no other had begun. */
function isUnserved({ outcome, sentMs, endMs }: Sent, strikes: readonly Strike[]): boolean {
  if (outcome === 'answered' && endMs - sentMs <= SERVED_MS_MAX) return false
  return strikes.some(
    ({ healedMs, nextMs }) => sentMs > healedMs + RECOVERY_MS_MAX && Math.min(endMs, sentMs + SERVED_MS_MAX) < nextMs,
  )
}

/** All peers fall silent: answers what is left of their swarms. */
async function leftBehind({ load, server }: OneRedisScene): Promise<string[]> {
  await load.pause()
  const left = async () =>
    (await Promise.all(['swarm:*', 'torrents:*'].map((pattern) => server.redis.keys(pattern)))).flat()
  await until('all swarms to go', async () => (await left()).length === 0, EMPTY_MS_MAX).catch(() => {})
  return (await left()).map((key) => `left behind: ${key}`)
}

/** What has more memory at the end than it had at first. */
function grown(rounds: readonly Round[]): string[] {
  const [first, last] = [rounds[0], rounds.at(-1)]
  if (!first || !last || first === last) return []
  const names = [
    ['residentBytes', 'the tracker'],
    ['redisBytes', 'Redis'],
  ] as const
  return names
    .filter(([field]) => last[field] > GROWTH_MAX * first[field])
    .map(([field, name]) => `the memory of ${name} has grown from ${first[field]} to ${last[field]} bytes`)
}
