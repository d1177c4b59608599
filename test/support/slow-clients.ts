import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from './redis.ts'

/** Clients that hold connections open and send a request's head a byte at a time. */
export type SlowClients = {
  /** How many of their connections are still open. */
  open: () => number
  stop: () => void
}

const HEAD = `GET /announce?${'a'.repeat(1000)} HTTP/1.1\r\nhost: x\r\n`
/** As many as the system takes at once: a burst beyond its backlog is made to wait for a second. */
const AT_ONCE = 250

/** Opens so many connections to a port of the loopback, from one address each, and sends on each a byte a second. */
export async function startSlowClients(
  port: number,
  addresses: readonly string[],
  count: number,
): Promise<SlowClients> {
  /** How much of its head each has sent. */
  const sockets = new Map<Socket, number>()
  let made = 0
  const send = () => {
    for (const [socket, sent] of sockets) {
      if (socket.writable) socket.write(HEAD.charAt(sent))
      sockets.set(socket, sent + 1)
    }
  }
  for (let i = 0; i < count; i++) {
    const localAddress = addresses[i % addresses.length] as string
    const socket = connect({ port, host: '127.0.0.1', localAddress }, () => {
      made += 1
    })
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    sockets.set(socket, 0)
    if (i % AT_ONCE === AT_ONCE - 1) {
      send()
      await sleep(20)
    }
  }
  await until('all to have connected', () => made === count, 20_000)
  const timer = setInterval(send, 1000)
  return {
    open: () => sockets.size,
    stop() {
      clearInterval(timer)
      for (const socket of sockets.keys()) socket.destroy()
    },
  }
}
