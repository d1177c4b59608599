import { setPriority } from 'node:os'
import { median } from 'simple-statistics'
import { percent, shown } from '../../../lib/observe/table.ts'
import { runLoad } from '../peers/load.ts'
import { startRedswarm } from '../peers/redswarm.ts'
import type { RunningTracker } from '../peers/tracker.ts'
import { figure } from '../table.ts'
import { frontendsUs, type Measure, type Table } from './measure.ts'

/** The system gives each socket of the load to one process: of so many, each process gets about as many. */
const LOAD = ['--addresses', '120']
/** Requests under way for each process: with few, it waits for the load's rests; with more, the last are answered too late. */
const OUTSTANDING_EACH = 1024
/** As many as `redswarm load` has. */
const OUTSTANDING_MAX = 65_536
/**
 * Frontends give way to the load and to Redis, so that requests wait for them and not they for requests: a frontend that
 * waits takes few datagrams at a time, and a response costs several times as much.
 */
const NICE = 10

type Round = {
  frontendsUs: number
  redisUs: number
  responsesPerS: number
  /** Shares of the frontends' CPU that the idlest and the busiest process have. */
  least: number
  most: number
}
type Row = Round & {
  processes: number /** CPU of all, next to that of the first row. */
  toFirst: number
  rounds: Round[]
}

/** CPU per response by the number of processes on one port. */
export type ProcessesResult = Row[]

async function measureOnce(
  tracker: RunningTracker,
  more: string[],
  shape: Parameters<typeof runLoad>[1],
): Promise<Round> {
  const { cpuUsPerResponse, responsesPerS } = await runLoad(tracker, shape, { more })
  const { Redis: redisUs = 0, ...frontends } = cpuUsPerResponse
  const all = frontendsUs(frontends)
  const shares = Object.values(frontends).map((us) => us / all)
  return { frontendsUs: all, redisUs, responsesPerS, least: Math.min(...shares), most: Math.max(...shares) }
}

/** Measures each number of processes in turns; all trackers are there, and idle but for the one that is loaded. */
export const measureProcesses: Measure<ProcessesResult> = async ({ shape, rounds, processes, loadProcesses }, tell) => {
  const trackers: RunningTracker[] = []
  try {
    for (const each of processes)
      trackers.push(await startRedswarm({ protocol: 'udp', numwant: shape.numwant, processes: each }))
    for (const { pids } of trackers)
      for (const [name, pid] of Object.entries(pids)) if (name !== 'Redis') setPriority(pid, NICE)
    const done = processes.map((): Round[] => [])
    for (let round = 1; round <= rounds; round++) {
      for (const [i, tracker] of trackers.entries()) {
        tell(`processes, round ${round} of ${rounds}: ${processes[i]}`)
        const outstanding = String(Math.min(OUTSTANDING_MAX, OUTSTANDING_EACH * (processes[i] as number)))
        const more = [
          ...LOAD,
          '--processes',
          String(loadProcesses),
          '--outstanding',
          outstanding,
          ...(round === 1 ? [] : ['--no-fill']),
        ]
        done[i]?.push(await measureOnce(tracker, more, shape))
      }
    }
    return rowsOf(processes, done)
  } finally {
    await Promise.all(trackers.map((tracker) => tracker.stop()))
  }
}

function rowsOf(processes: readonly number[], done: readonly Round[][]): Row[] {
  const cpuOf = (round: Round | undefined) => (round ? round.frontendsUs + round.redisUs : Number.NaN)
  return done.map((rounds, i) => {
    const middle = (of: (round: Round) => number) => median(rounds.map(of))
    return {
      processes: processes[i] as number,
      frontendsUs: middle((round) => round.frontendsUs),
      redisUs: middle((round) => round.redisUs),
      responsesPerS: middle((round) => round.responsesPerS),
      least: middle((round) => round.least),
      most: middle((round) => round.most),
      toFirst: median(rounds.map((round, k) => cpuOf(round) / cpuOf(done[0]?.[k]))),
      rounds,
    }
  })
}

/** The result for people. */
export const processesTable = (rows: ProcessesResult): Table => ({
  title: 'UDP processes on one port, CPU µs per response',
  head: ['processes', 'frontends', 'Redis', 'all', 'to first', 'responses/s', 'idlest', 'busiest'],
  rows: rows.map((row) => [
    String(row.processes),
    ...[row.frontendsUs, row.redisUs, row.frontendsUs + row.redisUs, row.toFirst].map(figure),
    ...[shown(row.responsesPerS), percent(row.least), percent(row.most)],
  ]),
})
