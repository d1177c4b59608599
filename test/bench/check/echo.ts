// A bare UDP echo by node:dgram at 127.0.0.1: what a response costs at the least in Node, without a tracker's work.
import { createSocket } from 'node:dgram'

/** Room for all requests that are under way at once. */
const BUFFER_BYTES = 4 * 1024 * 1024

const socket = createSocket('udp4')
socket.on('message', (payload, { port, address }) => socket.send(payload, port, address))
socket.bind(Number(process.argv[2]), '127.0.0.1', () => {
  socket.setRecvBufferSize(BUFFER_BYTES)
  socket.setSendBufferSize(BUFFER_BYTES)
})
process.on('SIGTERM', () => process.exit(0))
