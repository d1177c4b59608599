import { openDgramSocket } from './dgram-socket.ts'
import { loadLibc } from './linux/libc.ts'
import { makeLinuxSockets } from './linux/linux-socket.ts'
import { makeReactor } from './linux/reactor.ts'
import type { OpenUdpSocket } from './socket.ts'

/** The way to open UDP sockets on this system: in batches on Linux, by `node:dgram` elsewhere. */
export function chooseUdpSockets(): OpenUdpSocket {
  const libc = loadLibc()
  return libc ? makeLinuxSockets(libc, makeReactor(libc)) : openDgramSocket
}
