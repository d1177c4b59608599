import { setTimeout as sleep } from 'node:timers/promises'
import { fixed } from '../../../lib/observe/table.ts'
import { makeRandom } from '../../../lib/random.ts'
import { COMMAND_MS_MAX, SILENCE_MS_MAX } from '../../../lib/store/connect.ts'
import { until } from '../../support/redis.ts'
import { type Cut, cutWay } from '../cut.ts'
import type { Fault, Moments } from '../fault.ts'
import { connectionsAt, heldConnections, watchAnnounces } from '../late-announces.ts'
import type { Sent } from '../load.ts'
import { type OneRedisScene, onOneRedis } from '../one-redis.ts'
import { missingOwnNetwork } from '../own-network.ts'
import type { TrackerOptions } from '../tracker.ts'

/** Shorter than the time of a call, or longer than the system waits before it sends again: which of them, the seed says. */
const [CUT_MS_MIN, CUT_MS_MAX] = [1000, 8000]
/** So long a call may take, and a frontend that is slow beside: the first refusals do. Then it is known that Redis is away. */
const FIRST_MS_MAX = 2500
const LATER_MS_MAX = 1000
/** The system waits twice as long before each time that it sends again: what has not come so long after a cut as that took never comes. */
const DELIVERED_MORE_MS = 1000
/** From its first refusal on, a connection may still deliver until it is given up, by a frontend that is slow. */
const GIVEN_UP_MS_MAX = SILENCE_MS_MAX - COMMAND_MS_MAX + 500
/** After a cut of 1.4 to 2 s the system sends again when the connection has been silent for as long as one may: 1.6 s later at most. */
const DROPPED_RECOVERY_MS_MAX = 2000
/** Redis listens there too: it is the way of the second frontend alone. */
const [FIRST, SECOND] = ['127.0.0.1', '127.0.0.2']

/** A way that is cut, and its number among all of them. */
type CutOff = Pick<Cut, 'way' | 'how'> & { number: number }

/** Cuts the way of the second frontend, and looks at what becomes of what it refuses. */
async function cutSecond(scene: OneRedisScene, { number, way, how }: CutOff): Promise<Moments> {
  const { server, load, problems } = scene
  const [first, second] = [await connectionsAt(server, FIRST), await connectionsAt(server, SECOND)]
  const watch = await watchAnnounces(server)
  const countOf = (clients: ReadonlySet<string>, sinceMs: number): number =>
    watch.calls.filter(({ client, atMs }) => clients.has(client) && atMs > sinceMs).length
  const isSeen = (clients: ReadonlySet<string>) => countOf(clients, 0) > 0
  await until('announces of both frontends to be seen in Redis', () => isSeen(first) && isSeen(second))
  const cutMs = CUT_MS_MIN + makeRandom(scene.seed * CUTS.length + number)() * (CUT_MS_MAX - CUT_MS_MIN)
  const fromMs = performance.now()
  const heal = cutWay({ address: SECOND, port: server.port, way, how })
  try {
    await sleep(cutMs)
  } finally {
    heal()
  }
  const healedMs = performance.now()
  await sleep(cutMs + DELIVERED_MORE_MS)
  watch.stop()
  const refused = load.sent.filter(({ endMs, outcome }) => endMs > fromMs && outcome === 'refused')
  if (countOf(first, fromMs) === 0) problems.push('no announce of the other frontend was seen in Redis meanwhile')
  // Others may have announced the same peers since.
  const givenUp = second.difference(heldConnections())
  const lateFromMs = refused.reduce((ms, { endMs }) => Math.min(ms, endMs), Number.POSITIVE_INFINITY) + GIVEN_UP_MS_MAX
  const late = countOf(givenUp, lateFromMs)
  if (late > 0) problems.push(`${late} calls came to Redis over connections that had been given up`)
  // Whatever was on its way when it began.
  if (cutMs > SILENCE_MS_MAX + DELIVERED_MORE_MS && (refused.length === 0 || givenUp.size === 0))
    problems.push('nothing was refused, or no connection given up: nothing was cut')
  const times = problemsOfRefusals(refused, { fromMs, how })
  problems.push(...times.problems)
  return { fromMs, healedMs, note: `cut for ${fixed(cutMs / 1000)} s, ${times.note}` }
}

/** How long refusals took, and what is wrong with that. */
function problemsOfRefusals(
  refused: readonly Sent[],
  { fromMs, how }: { fromMs: number; how: Cut['how'] },
): { problems: string[]; note: string } {
  const tookMs = (sent: readonly Sent[]) => sent.reduce((ms, { sentMs, endMs }) => Math.max(ms, endMs - sentMs), 0)
  const [first, later] = [tookMs(refused), tookMs(refused.filter(({ sentMs }) => sentMs > fromMs + FIRST_MS_MAX))]
  // Who is told that the way is cut refuses at once.
  const isSlow = first > (how === 'reset' ? LATER_MS_MAX : FIRST_MS_MAX)
  const problems = [
    ...(isSlow ? [`a refusal took ${Math.round(first)} ms`] : []),
    ...(later > LATER_MS_MAX ? [`a refusal took ${Math.round(later)} ms when Redis was known to be away`] : []),
  ]
  const note =
    refused.length === 0
      ? 'nothing was refused'
      : `refusals took ${fixed(first / 1000)} s at most, ${fixed(later / 1000)} s after the first ones`
  return { problems, note }
}

const CUTS: readonly (Pick<Cut, 'way' | 'how'> & Pick<Fault, 'name' | 'isShort'>)[] = [
  {
    name: 'a network that drops all between one of two frontends and Redis for 1 to 8 s',
    ...{ way: 'both', how: 'drop', isShort: true },
  },
  { name: 'a network that drops what Redis sends to one of two frontends for 1 to 8 s', way: 'from', how: 'drop' },
  { name: 'a network that drops what one of two frontends sends to Redis for 1 to 8 s', way: 'to', how: 'drop' },
  {
    name: 'a network that resets connections of one of two frontends to Redis for 1 to 8 s',
    way: 'both',
    how: 'reset',
  },
]

/** Two frontends, each on a way to Redis of its own; that of the second is cut. What a call may take is told as a refusal: none is lost. */
export const networkFaults: readonly Fault[] = CUTS.map(({ way, how, ...named }, number) => ({
  ...named,
  untouched: 'frontend 1',
  mayRefuse: ['slow', 'away'] as const,
  isMaybeShort: true as const,
  ...(how === 'drop' && { recoveryMsMax: DROPPED_RECOVERY_MS_MAX }),
  missing: missingOwnNetwork,
  stage: onOneRedis((scene) => cutSecond(scene, { number, way, how }), {
    tracker: ({ port }): Partial<TrackerOptions> => ({
      apart: [{}, { REDSWARM_REDIS_URL: `redis://${SECOND}:${port}` }],
    }),
  }),
}))
