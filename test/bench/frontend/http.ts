import { fileURLToPath } from 'node:url'
import { median } from 'simple-statistics'
import { freePort } from '../../support/free-port.ts'
import { runLoad } from '../peers/load.ts'
import { endChild, startChild, untilListens } from '../peers/process.ts'
import { startRedswarm } from '../peers/redswarm.ts'
import { type RunningTracker, urlOf } from '../peers/tracker.ts'
import { figure } from '../table.ts'
import type { Measure, Table } from './measure.ts'

const EMPTY = fileURLToPath(new URL('./empty-http.ts', import.meta.url))
/** Announces only: that is what the empty route answers. */
const LOAD = ['--weights', '0:1:0', '--outstanding', '256']

type Round = { frontendUs: number; redisUs: number; emptyUs: number; responsesPerS: number; emptyPerS: number }

/** CPU per HTTP announce, next to Fastify's own. */
export type HttpResult = Round & { frontendToEmpty: number; rounds: Round[] }

async function startEmpty(): Promise<RunningTracker> {
  const port = await freePort()
  const server = startChild(process.execPath, [EMPTY, String(port)])
  const stop = () => endChild(server)
  try {
    await untilListens(server, port)
  } catch (error) {
    await stop()
    throw error
  }
  return { url: urlOf('http', port), pids: { frontend: server.pid }, stop }
}

/** Measures the frontend and the empty route, in turns; both are filled, and so compiled, before. */
export const measureHttp: Measure<HttpResult> = async ({ shape, rounds }, tell) => {
  const empty = await startEmpty()
  try {
    const tracker = await startRedswarm({ protocol: 'http', numwant: shape.numwant })
    try {
      const done: Round[] = []
      for (let round = 1; round <= rounds; round++) {
        tell(`http, round ${round} of ${rounds}`)
        const more = round === 1 ? LOAD : [...LOAD, '--no-fill']
        const full = await runLoad(tracker, shape, { more })
        const bare = await runLoad(empty, shape, { more })
        for (const { errors, wrong } of [full, bare])
          if (errors + wrong > 0) throw new Error(`http: ${errors} errors, and ${wrong} wrong answers`)
        done.push({
          frontendUs: full.cpuUsPerResponse.frontend as number,
          redisUs: full.cpuUsPerResponse.Redis as number,
          emptyUs: bare.cpuUsPerResponse.frontend as number,
          responsesPerS: full.responsesPerS,
          emptyPerS: bare.responsesPerS,
        })
      }
      const middle = (of: (round: Round) => number) => median(done.map(of))
      return {
        frontendUs: middle((round) => round.frontendUs),
        redisUs: middle((round) => round.redisUs),
        emptyUs: middle((round) => round.emptyUs),
        responsesPerS: middle((round) => round.responsesPerS),
        emptyPerS: middle((round) => round.emptyPerS),
        frontendToEmpty: middle(({ frontendUs, emptyUs }) => frontendUs / emptyUs),
        rounds: done,
      }
    } finally {
      await tracker.stop()
    }
  } finally {
    await empty.stop()
  }
}

/** The result for people. */
export const httpTable = (result: HttpResult): Table => ({
  title: 'HTTP announces over kept connections, CPU µs per response',
  head: ['', 'frontend', 'to empty', 'Redis', 'responses/s'],
  rows: [
    [
      'Redswarm',
      figure(result.frontendUs),
      figure(result.frontendToEmpty),
      figure(result.redisUs),
      figure(result.responsesPerS),
    ],
    ['empty Fastify route', figure(result.emptyUs), '1', '', figure(result.emptyPerS)],
  ],
})
