import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { isIpv6, portOf, toEndpoint } from '../wire/endpoint.ts'
import {
  BATCH_MAX,
  type Datagram,
  type OpenUdpSocket,
  PAYLOAD_BYTES_MAX,
  SOCKET_BUFFER_BYTES,
  toLocal,
  type UdpSocket,
} from './socket.ts'

/** How often a wildcard socket looks for addresses that came or went. */
const LOOK_FOR_ADDRESSES_MS = 10_000

/**
 * A socket on `node:dgram`, for every system. `dgram` does not tell which address a datagram was sent to, so a wildcard
 * address is one socket per local address: most clients drop a reply from any other than the one that they asked.
 */
export const openDgramSocket: OpenUdpSocket = async (listen, onBatch, { sharesPort = false } = {}) => {
  const sockets = new Map<string, Socket>()
  const local = toLocal(listen)
  const family = isIpv6(local.endpoint) ? 'udp6' : 'udp4'
  const isWildcard = local.address === '0.0.0.0' || local.address === '::'
  let port = listen.port
  let collected: Datagram[] = []
  let isPaused = false
  let isClosed = false

  const flush = (): void => {
    const batch = collected
    collected = []
    for (let from = 0; from < batch.length; from += BATCH_MAX) onBatch(batch.slice(from, from + BATCH_MAX), self)
  }

  const receive = (socket: Socket, payload: Buffer, remote: RemoteInfo): void => {
    const source = toEndpoint(remote.address.split('%')[0] as string, remote.port)
    if (isPaused || !source) return
    // What one round of the event loop reads is one batch.
    if (collected.push({ payload, source, via: { socket, address: remote.address } }) === 1) setImmediate(flush)
  }

  const openOne = async (address: string): Promise<void> => {
    const socket = createSocket({ type: family, ipv6Only: family === 'udp6', reusePort: sharesPort })
    socket.bind(port, address)
    await once(socket, 'listening')
    try {
      socket.setRecvBufferSize(SOCKET_BUFFER_BYTES)
      socket.setSendBufferSize(SOCKET_BUFFER_BYTES)
    } catch {
      // A system that grants less than it is asked for may refuse to say so; its own size serves.
    }
    port = socket.address().port
    if (isClosed) return void socket.close()
    sockets.set(address, socket)
    socket.on('message', (payload, remote) => receive(socket, payload, remote))
    socket.on('error', () => closeOne(address))
  }

  const closeOne = (address: string): void => {
    sockets.get(address)?.close()
    sockets.delete(address)
  }

  const followAddresses = async (): Promise<void> => {
    const now = localAddresses(family === 'udp6' ? 'IPv6' : 'IPv4')
    for (const address of sockets.keys()) if (!now.has(address)) closeOne(address)
    // An address may be gone again before it is bound: the next look tells.
    for (const address of now) if (!sockets.has(address) && !isClosed) await openOne(address).catch(() => {})
  }

  const self: UdpSocket = {
    listen: { address: local.address, port },
    send(replies) {
      let unsent = 0
      for (const { payload, source, via } of replies) {
        const { socket, address } = via as { socket: Socket; address: string }
        if (payload.length > PAYLOAD_BYTES_MAX) {
          unsent += 1
          continue
        }
        try {
          // It may be sent some time later.
          socket.send(Buffer.from(payload), portOf(source), address, () => {})
        } catch {
          // dgram throws where the port is 0, or the local address is gone and its socket with it.
          unsent += 1
        }
      }
      return unsent
    },
    // `node:dgram` reads whatever comes, and tells of no drops.
    takeDrops: () => 0,
    pause() {
      isPaused = true
    },
    async close() {
      isClosed = true
      clearInterval(timer)
      for (const address of [...sockets.keys()]) closeOne(address)
    },
  }

  let timer: NodeJS.Timeout | undefined
  if (isWildcard) {
    const addresses = localAddresses(family === 'udp6' ? 'IPv6' : 'IPv4')
    for (const address of addresses) await openOne(address)
    timer = setInterval(() => void followAddresses(), LOOK_FOR_ADDRESSES_MS).unref()
  } else {
    await openOne(local.address)
  }
  self.listen.port = port
  return self
}

/** The addresses of this machine, with the zone where IPv6 needs one. */
function localAddresses(family: 'IPv4' | 'IPv6'): Set<string> {
  const found = new Set<string>()
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { address, family: own } of addresses ?? []) {
      if (own === family) found.add(address.startsWith('fe80:') ? `${address}%${name}` : address)
    }
  }
  return found
}
