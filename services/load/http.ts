import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { listenText } from '../../lib/config/listen.ts'
import { messageOf, OperatorError } from '../../lib/errors.ts'
import { type HttpConnection, makeConnection } from './http-lane.ts'
import { type Loader, type LoaderParts, SILENT_MS_MAX } from './loader.ts'
import { makePace, type Pace } from './pace.ts'
import type { Place } from './plan.ts'
import { LOST_AFTER_MS } from './tally.ts'
import type { Target } from './target.ts'

const TICK_MS = 1
/** How often it is looked, at the end, whether all is answered. */
const DRAIN_LOOK_EVERY_MS = 5

/** A load of an HTTP tracker: as many connections, kept alive, as requests may be under way. */
export function makeHttpLoader(parts: LoaderParts): Loader {
  const { target, plan, tally } = parts
  const free: HttpConnection[] = []
  let connections: HttpConnection[] = []
  /** What a connection that is free does next; undefined where there is nothing to do now. */
  let next: ((connection: HttpConnection) => boolean) | undefined
  let finish = (): void => {}
  let freeMs = 0

  const onFree = (connection: HttpConnection): void => {
    freeMs = performance.now()
    if (next?.(connection)) return
    free.push(connection)
  }
  const askAllFree = (): void => {
    for (const connection of free.splice(0)) onFree(connection)
  }
  const run = async (ask: typeof next, prepare: (done: () => void) => void): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    finish = resolve
    next = ask
    prepare(resolve)
    askAllFree()
    await promise
    next = undefined
  }

  /** Waits for what is under way; what does not come is lost. */
  const drain = async (): Promise<void> => {
    const deadlineMs = performance.now() + LOST_AFTER_MS
    while (connections.some((connection) => connection.isUnderWay()) && performance.now() < deadlineMs)
      await sleep(DRAIN_LOOK_EVERY_MS)
    tally.lost += connections.filter((connection) => connection.isUnderWay()).length
  }

  return {
    async open() {
      for (const place of plan.places) await tryConnection(target, place)
      const origin = `http://${listenText(target)}`
      connections = plan.places.flatMap((place) =>
        Array.from({ length: place.slots }, () => makeConnection(parts, place, origin, onFree)),
      )
      // In turns of their addresses, so that what an open loop asks comes from all of them.
      free.push(...connections.sort(() => plan.random() - 0.5))
    },
    fill() {
      const filled = new Map(plan.places.map((place) => [place, 0]))
      let idle = connections.length
      let done = (): void => {}
      const ask = (connection: HttpConnection): boolean => {
        const at = filled.get(connection.place) as number
        const peer = connection.place.own[at]
        if (!peer) {
          idle += 1
          if (idle === connections.length) done()
          return false
        }
        filled.set(connection.place, at + 1)
        connection.askFill(peer, performance.now())
        return true
      }
      return run(ask, (resolve) => {
        done = resolve
        idle = 0
      })
    },
    async load(seconds, ratePerS) {
      const startMs = performance.now()
      const pace = ratePerS === undefined ? undefined : makePace(ratePerS, startMs)
      const timers: NodeJS.Timeout[] = []
      await run(pace ? askDue(pace) : askAtOnce, (resolve) => {
        timers.push(setTimeout(resolve, seconds * 1000))
        if (pace) timers.push(setInterval(askFreeDue(pace), TICK_MS))
      })
      for (const timer of timers) clearTimeout(timer)
      const askedMs = Math.min(performance.now(), startMs + seconds * 1000)
      tally.unsent = pace?.due(askedMs) ?? 0
      await drain()
      return Math.max(askedMs, freeMs)
    },
    stop: () => finish(),
    async close() {
      await Promise.all(connections.map((connection) => connection.close()))
    },
  }

  function askAtOnce(connection: HttpConnection): boolean {
    const nowMs = performance.now()
    connection.askLoad(nowMs, nowMs)
    return true
  }

  function askDue(pace: Pace) {
    return (connection: HttpConnection): boolean => {
      const nowMs = performance.now()
      if (pace.due(nowMs) === 0) return false
      connection.askLoad(pace.take(), nowMs)
      return true
    }
  }

  function askFreeDue(pace: Pace) {
    return (): void => {
      const count = Math.min(free.length, pace.due(performance.now()))
      for (const connection of free.splice(0, count)) onFree(connection)
    }
  }
}

/** Connects once, for an error that says what is the matter. */
async function tryConnection({ url, address, port, isLoopback }: Target, place: Place): Promise<void> {
  const localAddress = isLoopback ? place.address : undefined
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect({ host: address, port, ...(localAddress && { localAddress }) }, resolve)
  socket.on('error', reject)
  socket.setTimeout(SILENT_MS_MAX, () => reject(new Error(`no connection in ${SILENT_MS_MAX / 1000} s`)))
  try {
    await promise
  } catch (error) {
    throw new OperatorError(
      `${url} does not answer: ${messageOf(error)}\n  check that the tracker runs and listens there (ss -tln)`,
    )
  } finally {
    socket.destroy()
  }
}
