import { setTimeout as sleep } from 'node:timers/promises'
import { missingProgram } from '../../support/balancer.ts'
import { HttpClient } from '../../support/http-client.ts'
import type { Fault, Moments } from '../fault.ts'
import { type OneRedisScene, onOneRedis } from '../one-redis.ts'
import { closeOff } from '../open-files.ts'
import type { Part } from '../part.ts'

const CLOSED_MS = 4000
const SERVED_MS_MAX = 1000
/** Clients that are connected before it, and those who come meanwhile, one each time. */
const CONNECTED = 20
const EVERY_MS = 50

/** Asks for something on a connection; whether it is answered in time. */
async function isServed(client: HttpClient): Promise<boolean> {
  const answer = client.get('/health_check').then(
    ({ status }) => status === 200,
    () => false,
  )
  return Promise.race([answer, sleep(SERVED_MS_MAX, false)])
}

/** Whether who comes now is served. */
async function isLetIn(url: string): Promise<boolean> {
  let client: HttpClient | undefined
  try {
    client = await HttpClient.open(url)
    return await isServed(client)
  } catch {
    return false
  } finally {
    client?.close()
  }
}

/** The processes of the second frontend may open no more files for a while, in which clients come to it. */
async function useUp({ tracker, problems }: OneRedisScene): Promise<Moments> {
  const second = (['udp', 'http'] as const).map((role) => tracker.of(role)[1] as Part)
  const pids = second.map((part) => part.pid())
  const url = `http://127.0.0.1:${tracker.places[1]?.httpPort}`
  const connected = await Promise.all(Array.from({ length: CONNECTED }, () => HttpClient.open(url)))
  const look = async () => {
    const served = await Promise.all(connected.map(isServed))
    const unserved = served.filter((is) => !is).length
    if (unserved > 0) problems.push(`${unserved} of ${CONNECTED} clients that are connected are not served`)
  }
  await look()
  const fromMs = performance.now()
  const raises = pids.map(closeOff)
  const coming: Promise<boolean>[] = []
  try {
    while (performance.now() < fromMs + CLOSED_MS) {
      coming.push(isLetIn(url))
      await Promise.all([look(), sleep(EVERY_MS)])
    }
  } finally {
    for (const raise of raises) raise()
  }
  const healedMs = performance.now()
  const letIn = await Promise.all(coming)
  if (letIn.every((is) => is)) problems.push('all who came were let in: nothing was used up')
  while (!(await isLetIn(url))) {
    if (performance.now() > healedMs + SERVED_MS_MAX) {
      problems.push('who comes after it is not let in')
      break
    }
  }
  await look()
  for (const client of connected) client.close()
  if (second.some((part, i) => part.pid() !== pids[i] || !part.isRunning())) problems.push('a process has ended')
  const note = `${letIn.filter((is) => !is).length} of ${letIn.length} who came meanwhile were turned away`
  return { fromMs, healedMs, note }
}

export const fileFaults: readonly Fault[] = [
  {
    name: 'no file descriptor left to one of two frontends for 4 s',
    untouched: 'frontend 1',
    // A client who has no connection yet gets none.
    mayLose: { of: 'http', when: 'meanwhile', isOnNewConnections: true },
    missing: () => missingProgram('prlimit', 'util-linux'),
    stage: onOneRedis(useUp, { tracker: { apart: [{}, {}] } }),
  },
]
