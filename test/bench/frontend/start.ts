import { dirname } from 'node:path'
import { setInterval } from 'node:timers'
import { median } from 'simple-statistics'
import { writeConnectRequest } from '../../../lib/wire/udp-request.ts'
import { freePort } from '../../support/free-port.ts'
import { startRedis } from '../../support/redis.ts'
import { UdpClient } from '../../support/udp-client.ts'
import { endChild, MAIN, startChild } from '../peers/process.ts'
import { figure } from '../table.ts'
import type { Measure, Table } from './measure.ts'

const ASK_EVERY_MS = 2
const ANSWERS_MS_MAX = 30_000

/** Milliseconds from the start of a process to its first answer. */
export type StartResult = { medianMs: number; worstMs: number; starts: number[] }

/** Starts a frontend again and again on a Redis that runs, as on any start but the first after an installation. */
export const measureStart: Measure<StartResult> = async ({ starts }, tell) => {
  const redis = await startRedis()
  try {
    const startOnce = () => msToFirstAnswer(redis.url, dirname(redis.socket))
    // What Node keeps of compiled modules is written by the first.
    await startOnce()
    const taken: number[] = []
    for (let start = 1; start <= starts; start++) {
      tell(`start ${start} of ${starts}`)
      taken.push(await startOnce())
    }
    return { medianMs: median(taken), worstMs: Math.max(...taken), starts: taken }
  } finally {
    await redis.stop()
  }
}

async function msToFirstAnswer(redisUrl: string, cwd: string): Promise<number> {
  const port = await freePort()
  const client = await UdpClient.open(port)
  const startMs = performance.now()
  const frontend = startChild(process.execPath, [MAIN, 'udp'], {
    cwd,
    env: { REDSWARM_REDIS_URL: redisUrl, REDSWARM_UDP_LISTEN: `127.0.0.1:${port}` },
  })
  // Asked again and again, by the same request: the first answer counts, whichever it is to.
  const request = writeConnectRequest(client.nextTransactionId())
  const timer = setInterval(() => client.send(request), ASK_EVERY_MS)
  try {
    const reply = await client.exchange(request, ANSWERS_MS_MAX)
    const tookMs = performance.now() - startMs
    if (!reply) throw new Error(`the frontend did not answer\n${frontend.stderr()}`)
    return tookMs
  } finally {
    clearInterval(timer)
    client.close()
    await endChild(frontend)
  }
}

/** The result for people. */
export const startTable = ({ medianMs, worstMs, starts }: StartResult): Table => ({
  title: 'From the start of a UDP frontend to its first answer, ms',
  head: ['', 'median', 'worst', 'starts'],
  rows: [['node services/main.ts udp', figure(medianMs), figure(worstMs), String(starts.length)]],
})
