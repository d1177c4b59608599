import { isMissingIpv6, type Listen, listenError, listenText } from '../../lib/config/listen.ts'
import type { Counters } from '../../lib/observe/counters.ts'
import type { Logger } from '../../lib/observe/log.ts'
import { BATCH_MAX, type Datagram, type OpenUdpSocket, type UdpSocket } from '../../lib/udp/socket.ts'
import type { Send } from './datagram.ts'

/** Datagrams in work at most; more wait in the system's buffer, or are dropped and counted: their clients ask again by themselves. */
export const IN_FLIGHT_MAX = 8192
/** How long a stop waits for what is in work. */
const DRAIN_MS_MAX = 5000
/** How often the system is asked what it dropped. */
const COUNT_DROPS_EVERY_MS = 1000

/** A running UDP tracker. */
export type UdpService = { listens: Listen[]; stop: () => Promise<void> }

/** Starts the UDP tracker on its addresses. Throws an OperatorError where one cannot be had. */
export async function startUdpService({
  listens,
  sharesPorts = false,
  handle,
  openSocket,
  counters,
  log,
}: {
  listens: readonly Listen[]
  /** Whether other processes listen on the same ports. */
  sharesPorts?: boolean
  handle: (batch: readonly Datagram[], send: Send) => Promise<void>
  openSocket: OpenUdpSocket
  counters: Counters
  log: Logger
}): Promise<UdpService> {
  let inFlight = 0
  let drained = () => {}

  const onBatch = (batch: Datagram[], socket: UdpSocket): void => {
    if (inFlight + batch.length > IN_FLIGHT_MAX) {
      counters.udp_dropped += batch.length
      return
    }
    inFlight += batch.length
    let open = batch.length
    // A part of a batch may wait longer than the rest: that is in work no more.
    const end = (count: number): void => {
      inFlight -= count
      open -= count
      if (inFlight === 0) drained()
    }
    const send = (replies: Datagram[]): void => {
      counters.udp_unsent += socket.send(replies)
      end(replies.length)
    }
    handle(batch, send)
      .catch((error: unknown) => log.error({ err: error }, 'a batch of datagrams went unanswered'))
      .finally(() => end(open))
  }

  const isFull = (): boolean => inFlight + BATCH_MAX > IN_FLIGHT_MAX
  const sockets: UdpSocket[] = []
  for (const listen of listens) {
    try {
      sockets.push(await openSocket(listen, onBatch, { sharesPort: sharesPorts, isFull }))
    } catch (error) {
      if (listens.length === 1 || !isMissingIpv6(listen, error)) {
        await Promise.all(sockets.map((socket) => socket.close()))
        throw listenError('udp', 'REDSWARM_UDP_LISTEN', listen, error)
      }
      log.warn(`no IPv6 here: not listening on udp ${listenText(listen)}`)
    }
  }

  const countDrops = (): void => {
    for (const socket of sockets) counters.udp_dropped += socket.takeDrops()
  }
  const dropTimer = setInterval(countDrops, COUNT_DROPS_EVERY_MS).unref()

  return {
    listens: sockets.map((socket) => socket.listen),
    async stop() {
      for (const socket of sockets) socket.pause()
      if (inFlight > 0) {
        await new Promise<void>((resolve) => {
          drained = resolve
          setTimeout(resolve, DRAIN_MS_MAX).unref()
        })
      }
      clearInterval(dropTimer)
      countDrops()
      await Promise.all(sockets.map((socket) => socket.close()))
    },
  }
}
