import { OperatorError } from '../../lib/errors.ts'
import { loadLibc } from '../../lib/udp/linux/libc.ts'
import { makeLinuxSockets } from '../../lib/udp/linux/linux-socket.ts'
import type { UdpSocket } from '../../lib/udp/socket.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { type Loader, type LoaderParts, SILENT_MS_MAX } from './loader.ts'
import { makePace, type Pace } from './pace.ts'
import { makeTally } from './tally.ts'
import { makeLane, type UdpLane } from './udp-lane.ts'

/** How often what is lost is looked for. */
const SWEEP_EVERY_MS = 100
/** Requests that an address sends before the next has its turn: each is a system call of its own. */
const TURN_MAX = 8
/**
 * The longest and the shortest rest between two looks at the sockets. A rest is an eighth of the latency seen: replies
 * come in batches for it, and a latency is told by half a rest too long on average. Without rests the load would take
 * a whole core.
 */
const REST_MS_MAX = 4
const REST_MS_MIN = 0.1
const REST_SHARE = 1 / 8
/** How often a connect is tried again that was not answered. */
const CONNECT_EVERY_MS = 250

/** The lane of an address with its socket; `drain` reads what came in. */
type OpenLane = UdpLane & { socket: UdpSocket; drain: () => number }

/** A load of a UDP tracker. */
export function makeUdpLoader(parts: LoaderParts): Loader {
  const { target, plan, tally, latencies } = parts
  const endpoint = toEndpoint(target.address, target.port) as Endpoint
  const lanes: OpenLane[] = []
  const cell = new Int32Array(new SharedArrayBuffer(4))
  let isStopped = false
  let turn = 0
  let heardMs = 0

  const open = async (): Promise<void> => {
    const libc = loadLibc()
    if (!libc) throw new OperatorError('a UDP load needs Linux: it sends and receives by sendmmsg and recvmmsg')
    const drains: (() => number)[] = []
    // This loop looks at the sockets itself, in its own time.
    const openSocket = makeLinuxSockets(libc, { add: (_, drain) => drains.push(drain), remove: async () => {} })
    for (const [i, place] of plan.places.entries()) {
      const lane = makeLane(parts, place, endpoint)
      const socket = await openSocket({ address: place.address, port: 0 }, lane.take)
      lanes.push({ ...lane, socket, drain: drains[i] as () => number })
    }
    await connectAll()
    Object.assign(tally, makeTally())
    latencies.reset()
  }

  const connectAll = async (): Promise<void> => {
    const deadlineMs = performance.now() + SILENT_MS_MAX
    let askedMs = Number.NEGATIVE_INFINITY
    while (lanes.some((lane) => !lane.isConnected())) {
      const nowMs = performance.now()
      if (nowMs > deadlineMs) throw silent()
      const isDue = nowMs - askedMs >= CONNECT_EVERY_MS
      if (isDue) askedMs = nowMs
      for (const lane of lanes) {
        if (isDue && !lane.isConnected()) {
          // A lane may have one slot alone: a connect that was lost must not keep it.
          lane.sweep(nowMs)
          lane.askConnect(nowMs)
        }
        lane.flush(lane.socket)
        lane.drain()
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    for (const lane of lanes) lane.clear()
  }

  const silent = (): OperatorError => {
    const [text] = Object.keys(tally.errorTexts)
    const heard = text === undefined ? 'nothing came' : `it answers "${text}"`
    return new OperatorError(
      `${target.url} does not answer a connect: ${heard} in ${SILENT_MS_MAX / 1000} s\n` +
        '  check that the tracker runs, listens for UDP on that address and port (ss -uln), and takes requests from 127.0.1.1',
    )
  }

  /** Rounds of the loop until `isDone`; `ask` makes what is to be sent next. */
  const run = (ask: (nowMs: number) => void, isDone: (nowMs: number) => boolean): Promise<void> => {
    let sweptMs = performance.now()
    return new Promise((resolve) => {
      const round = (): void => {
        let heard = 0
        for (const lane of lanes) if (lane.underWay() > 0) heard += lane.drain()
        const nowMs = performance.now()
        if (heard > 0) heardMs = nowMs
        if (isDone(nowMs)) {
          resolve()
          return
        }
        if (nowMs - sweptMs > SWEEP_EVERY_MS) {
          for (const lane of lanes) lane.sweep(nowMs)
          sweptMs = nowMs
        }
        ask(nowMs)
        for (const lane of lanes) lane.flush(lane.socket)
        Atomics.wait(cell, 0, 0, restMs())
        setImmediate(round)
      }
      round()
    })
  }

  const restMs = (): number => {
    let sum = 0
    for (const lane of lanes) sum += lane.meanMs()
    return Math.min(REST_MS_MAX, Math.max(REST_MS_MIN, (sum / lanes.length) * REST_SHARE))
  }

  const askClosed = (nowMs: number): void => {
    for (const lane of lanes) for (let room = lane.room(); room > 0; room--) lane.askLoad(nowMs, nowMs)
  }

  const askOpen = (pace: Pace, nowMs: number): void => {
    let due = pace.due(nowMs)
    for (let lookedAt = 0; due > 0 && lookedAt < lanes.length; turn++) {
      const lane = lanes[turn % lanes.length] as OpenLane
      const count = Math.min(due, TURN_MAX, lane.room())
      for (let i = 0; i < count; i++) lane.askLoad(pace.take(), nowMs)
      due -= count
      lookedAt = count === 0 ? lookedAt + 1 : 0
    }
  }

  return {
    open,
    fill() {
      const ask = (nowMs: number): void => {
        for (const lane of lanes) lane.askFill(nowMs)
      }
      return run(ask, () => isStopped || lanes.every((lane) => lane.isFilled()))
    },
    async load(seconds, ratePerS) {
      const startMs = performance.now()
      const endMs = startMs + seconds * 1000
      const pace = ratePerS === undefined ? undefined : makePace(ratePerS, startMs)
      await run(
        (nowMs) => (pace ? askOpen(pace, nowMs) : askClosed(nowMs)),
        (nowMs) => isStopped || nowMs >= endMs,
      )
      const askedMs = Math.min(endMs, performance.now())
      tally.unsent = pace?.due(askedMs) ?? 0
      // What is not answered is given up as lost in time.
      await run(
        () => {},
        () => lanes.every((lane) => lane.underWay() === 0),
      )
      return Math.max(askedMs, heardMs)
    },
    stop() {
      isStopped = true
    },
    async close() {
      await Promise.all(lanes.map(({ socket }) => socket.close()))
    },
  }
}
