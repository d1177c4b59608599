import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { median } from 'simple-statistics'
import { shown, shownBytes } from '../../../lib/observe/table.ts'
import { makeKeys } from '../../../lib/store/keys.ts'
import { readStats } from '../../../lib/store/stats.ts'
import { type LoadResult, runLoad } from '../peers/load.ts'
import { residentBytesOf } from '../peers/process.ts'
import { startRedswarm } from '../peers/redswarm.ts'
import { figure } from '../table.ts'
import type { Measure, Table } from './measure.ts'

/** Room for a second of what is lost at any rate that one frontend is asked at. */
const OVERLOAD = ['--no-fill', '--outstanding', '65536', '--processes', '2']
/** Counters reach Redis each second. */
const COUNTED_MS = 1500

type Half = { askedPerS: number; answeredPerS: number; p50Ms: number; p99Ms: number; lost: number; errors: number }
type Twice = {
  askedPerS: number
  /** What the load came to send: it may be slower than it was asked to be. */
  sentPerS: number
  answeredPerS: number
  answeredToClosed: number
  p99Ms: number
  refused: number
  lost: number
  /** As the frontend counts them: because too many were in work. */
  dropped: number
  /** Of those, by the system, as it says: because the socket's buffer was full. */
  droppedBySystem: number
  residentBefore: number
  residentAfter: number
}
type Round = { closedPerS: number; half: Half; twice: Twice }

/** How a UDP frontend bears half and twice of what it can do. */
export type OverloadResult = Round & { rounds: Round[] }

const perS = (count: number, { seconds }: LoadResult): number => count / seconds

/** Datagrams that the system dropped at the sockets of a port. */
function systemDrops(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const lines = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  return lines.reduce((sum, fields) => sum + (fields[1]?.endsWith(`:${hex}`) ? Number(fields.at(-1)) : 0), 0)
}

/** Measures in each round what a closed loop gets, then half, then twice of it. */
export const measureOverload: Measure<OverloadResult> = async ({ shape, rounds }, tell) => {
  const tracker = await startRedswarm({ protocol: 'udp', numwant: shape.numwant })
  const redis = new Redis({ path: new URL(tracker.redisUrl).pathname, protocol: 2 })
  const port = Number(new URL(tracker.url).port)
  const pid = tracker.pids.frontend as number
  const counted = async () => ({ own: (await readStats(redis, makeKeys(''))).udp_dropped, system: systemDrops(port) })
  try {
    const done: Round[] = []
    for (let round = 1; round <= rounds; round++) {
      tell(`overload, round ${round} of ${rounds}`)
      const closed = await runLoad(tracker, shape, { more: round === 1 ? [] : ['--no-fill'] })
      const closedPerS = closed.responsesPerS
      const [halfRate, twiceRate] = [Math.max(1, Math.round(closedPerS / 2)), Math.round(2 * closedPerS)]
      const half = await runLoad(tracker, shape, { more: ['--no-fill', '--rate', String(halfRate)] })
      await sleep(COUNTED_MS)
      const [before, residentBefore] = [await counted(), residentBytesOf(pid)]
      const twice = await runLoad(tracker, shape, { more: [...OVERLOAD, '--rate', String(twiceRate)] })
      await sleep(COUNTED_MS)
      const after = await counted()
      const answeredPerS = perS(twice.responses - twice.errors, twice)
      done.push({
        closedPerS,
        half: {
          askedPerS: halfRate,
          answeredPerS: perS(half.responses - half.errors, half),
          p50Ms: half.latencyMs.p50,
          p99Ms: half.latencyMs.p99,
          lost: half.lost,
          errors: half.errors,
        },
        twice: {
          askedPerS: twiceRate,
          sentPerS: perS(twice.responses + twice.wrong + twice.lost, twice),
          answeredPerS,
          answeredToClosed: answeredPerS / closedPerS,
          p99Ms: twice.latencyMs.p99,
          refused: twice.errors,
          lost: twice.lost,
          dropped: after.own - before.own,
          droppedBySystem: after.system - before.system,
          residentBefore,
          residentAfter: residentBytesOf(pid),
        },
      })
    }
    return { ...middleOf(done), rounds: done }
  } finally {
    redis.disconnect()
    await tracker.stop()
  }
}

function middleOf(rounds: readonly Round[]): Round {
  const middle = <T extends Record<string, number>>(all: readonly T[]): T =>
    Object.fromEntries(
      Object.keys(all[0] as T).map((name) => [name, median(all.map((each) => each[name] as number))]),
    ) as T
  return {
    closedPerS: median(rounds.map((round) => round.closedPerS)),
    half: middle(rounds.map(({ half }) => half)),
    twice: middle(rounds.map(({ twice }) => twice)),
  }
}

/** The result for people. */
export const overloadTable = ({ closedPerS, half, twice, rounds }: OverloadResult): Table => ({
  title: 'One UDP frontend, at half and at twice of what a closed loop gets',
  head: [
    '',
    'asked/s',
    'sent/s',
    'answered/s',
    'to closed',
    'p50 ms',
    'p99 ms',
    'refused',
    'lost',
    'dropped',
    'by system',
    'memory',
  ],
  rows: [
    ['closed loop', '', '', shown(closedPerS), '1', '', '', '', '', '', '', ''],
    [
      ...['half', shown(half.askedPerS), shown(half.answeredPerS), shown(half.answeredPerS)],
      ...[figure(half.answeredPerS / closedPerS), figure(half.p50Ms), figure(half.p99Ms)],
      ...[shown(half.errors), shown(half.lost), '', '', ''],
    ],
    [
      ...['twice', shown(twice.askedPerS), shown(twice.sentPerS), shown(twice.answeredPerS)],
      ...[figure(twice.answeredToClosed), '', figure(twice.p99Ms), shown(twice.refused), shown(twice.lost)],
      ...[shown(twice.dropped), shown(twice.droppedBySystem)],
      `${shownBytes(rounds[0]?.twice.residentBefore ?? 0)} to ${shownBytes(rounds.at(-1)?.twice.residentAfter ?? 0)}`,
    ],
  ],
})
