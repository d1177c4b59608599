import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

let taken = 0

/**
 * An address of its own in 127.0.0.0/8: clients take two peers at one address for one, or refuse the second. Made of the
 * process id, so that two runs on one machine stay apart. Linux answers on all of 127.0.0.0/8 without set-up.
 */
export function loopbackAddress(): string {
  taken += 1
  return `127.${(process.pid >> 8) & 255}.${process.pid & 255}.${10 + (taken % 240)}`
}

/** A TCP port that is free at this address now. */
export async function freeTcpPort(address: string): Promise<number> {
  const server = createServer().listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A UDP port that is free at this address now. */
export async function freeUdpPort(address: string): Promise<number> {
  const socket = createSocket('udp4').bind(0, address)
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}
