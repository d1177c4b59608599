import { connect, type Socket } from 'node:net'
import type { Snapshot } from '../../services/api/v2/live-schemas.ts'
import { readSse } from './sse.ts'
import { TOKEN } from './tracker.ts'

/** Follows what a tracker does until the reader is closed. */
export async function followLive(apiUrl: string) {
  const reader = await readSse(`${apiUrl}/api/v2/live`)
  const snapshots = (): Snapshot[] =>
    reader.events().flatMap(({ event, data }) => (event === 'snapshot' ? [JSON.parse(data)] : []))
  return {
    ...reader,
    snapshots,
    last: () => snapshots().at(-1),
    history: () => JSON.parse(reader.events()[0]?.data ?? ''),
  }
}

/** Asks for the stream on a socket of its own. */
export function openLive(apiUrl: string): Socket {
  const { hostname, port } = new URL(apiUrl)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  socket.write(`GET /api/v2/live HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`)
  return socket
}
