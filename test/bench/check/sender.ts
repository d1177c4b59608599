import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSecondsOf } from '../../../lib/observe/cpu.ts'
import { chooseUdpSockets } from '../../../lib/udp/open-socket.ts'
import type { Datagram, UdpSocket } from '../../../lib/udp/socket.ts'
import { type Endpoint, toEndpoint } from '../../../lib/wire/endpoint.ts'
import { ANNOUNCE_BYTES, REQUEST_HEAD_BYTES } from '../../../lib/wire/udp-request.ts'
import { addressOfPeer } from '../../../services/load/shape.ts'

/** As `redswarm load` has them unless told otherwise. */
const ADDRESSES = 16
const OUTSTANDING_PER_ADDRESS = 64
/** After so long without a reply at an address, what it had under way is taken for lost. */
const LOST_AFTER_MS = 200

type Lane = { socket: UdpSocket; heardMs: number; sent: number }

/**
 * Sends an echo datagrams as long as connects and announces, half and half, for so many seconds, each reply making room
 * for the next, and answers the CPU of the echo's process per reply, in µs.
 */
export async function echoCpuUsPerReply(port: number, pid: number, seconds: number): Promise<number> {
  const source = toEndpoint('127.0.0.1', port) as Endpoint
  const short = { payload: Buffer.alloc(REQUEST_HEAD_BYTES), source, via: undefined }
  const long = { payload: Buffer.alloc(ANNOUNCE_BYTES), source, via: undefined }
  const open = chooseUdpSockets()
  const lanes: Lane[] = []
  let isRunning = false
  let replies = 0

  const ask = (lane: Lane, count: number): void => {
    const requests: Datagram[] = []
    for (let i = 0; i < count; i++) requests.push(lane.sent++ % 2 === 0 ? short : long)
    lane.socket.send(requests)
  }
  for (let i = 0; i < ADDRESSES; i++) {
    const socket = await open({ address: addressOfPeer(i, ADDRESSES), port: 0 }, (batch) => {
      const lane = lanes[i] as Lane
      replies += batch.length
      lane.heardMs = performance.now()
      if (isRunning) ask(lane, batch.length)
    })
    lanes.push({ socket, heardMs: 0, sent: 0 })
  }
  isRunning = true
  const startS = cpuSecondsOf(pid)
  const askSilent = (): void => {
    for (const lane of lanes) {
      if (performance.now() - lane.heardMs < LOST_AFTER_MS) continue
      lane.heardMs = performance.now()
      ask(lane, OUTSTANDING_PER_ADDRESS)
    }
  }
  const timer = setInterval(askSilent, LOST_AFTER_MS)
  askSilent()
  await sleep(seconds * 1000)
  // Both at once: what is answered from here on is in neither.
  const [endS, repliesInTime] = [cpuSecondsOf(pid), replies]
  isRunning = false
  clearInterval(timer)
  await Promise.all(lanes.map(({ socket }) => socket.close()))
  if (startS === undefined || endS === undefined) throw new Error('the echo has ended')
  if (repliesInTime === 0) throw new Error('the echo does not answer')
  return ((endS - startS) * 1e6) / repliesInTime
}
