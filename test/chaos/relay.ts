import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { freePort } from '../support/free-port.ts'

/** What a relay does to datagrams, each way. */
export type Weather = {
  /** Of 1, so many are lost. */
  lost?: number
  /** Of 1, so many come twice. */
  twice?: number
  /** Each one, and each copy, is late by anything up to this: they overtake each other. */
  delayMsMax?: number
}

/** Passes datagrams on, both ways, and is not noticed but for what it does to them. */
export type Relay = {
  /** Where it is asked, at 127.0.0.1 and at ::1. */
  udpPort: number
  /** What went wrong with it: then nothing that was measured counts. */
  problems: () => string[]
  close: () => void
}

/** Clients at most: a socket each, since a tracker tells them apart by their addresses. */
const CLIENTS_MAX = 1000
/** Datagrams on their way at most. */
const DELAYED_MAX = 10_000

/** Starts a relay to one frontend or several, by their ports: of several each datagram goes to any, as through a balancer. */
export async function startRelay(
  udpPorts: readonly number[],
  { lost = 0, twice = 0, delayMsMax = 0 }: Weather,
  random: () => number,
): Promise<Relay> {
  const udpPort = await freePort()
  const clients = new Map<string, Socket>()
  const delayed = new Set<NodeJS.Timeout>()
  const problems = new Set<string>()

  const pass = (send: () => void): void => {
    const copies = random() < twice ? 2 : 1
    for (let i = 0; i < copies; i++) {
      if (random() < lost) continue
      if (delayMsMax === 0) {
        send()
        continue
      }
      if (delayed.size >= DELAYED_MAX) {
        problems.add(`the relay dropped what was more than ${DELAYED_MAX} datagrams`)
        continue
      }
      const timer = setTimeout(() => {
        delayed.delete(timer)
        send()
      }, random() * delayMsMax)
      delayed.add(timer)
    }
  }

  /** A socket at a client's own address: what comes back is passed on to it. */
  const openClient = (server: Socket, host: string, { address, port }: RemoteInfo): Socket => {
    const client = openSocket(host)
    client.on('message', (datagram) => pass(() => server.send(datagram, port, address)))
    client.bind(0, address)
    return client
  }
  const servers = await Promise.all(
    ['127.0.0.1', '::1'].map(async (host) => {
      const server = openSocket(host)
      server.on('message', (datagram, from) => {
        const name = `${from.address} ${from.port}`
        const client = clients.get(name) ?? (clients.size < CLIENTS_MAX && openClient(server, host, from))
        if (!client) return void problems.add(`the relay dropped what came of more than ${CLIENTS_MAX} clients`)
        clients.set(name, client)
        pass(() => client.send(datagram, udpPorts[Math.floor(random() * udpPorts.length)] as number, host))
      })
      server.bind(udpPort, host)
      await once(server, 'listening')
      return server
    }),
  )
  return {
    udpPort,
    problems: () => [...problems],
    close() {
      for (const timer of delayed) clearTimeout(timer)
      for (const socket of [...clients.values(), ...servers]) socket.close()
    },
  }
}

function openSocket(host: string): Socket {
  const socket = createSocket(host === '::1' ? 'udp6' : 'udp4')
  // A frontend that is away: nothing comes back, and that is all.
  socket.on('error', () => {})
  return socket
}
