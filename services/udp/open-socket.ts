import { openDgramSocket } from './dgram-socket.ts'
import type { OpenUdpSocket } from './socket.ts'

/** The UDP socket for this system. */
export const openUdpSocket: OpenUdpSocket = openDgramSocket
