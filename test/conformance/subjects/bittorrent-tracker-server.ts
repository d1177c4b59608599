// npm's bittorrent-tracker as a tracker at 127.0.0.1 and ::1, for comparison. Its own program would bind every address.
import { createServer } from 'node:http'
import { loadBittorrentTracker } from '../../support/bittorrent-tracker/load.ts'

/** How it is started: as its first argument, JSON. */
export type BittorrentTrackerOptions = {
  udpPort: number
  httpPort: number
  trustProxy?: boolean
  /** How long peers are kept. */
  peersCacheTtl?: number
  /** Only info hashes that are sent to the process, as hex, are served. */
  listed?: boolean
}

const { udpPort, httpPort, listed, ...options } = JSON.parse(process.argv[2] ?? '') as BittorrentTrackerOptions
const known = new Set<string>()
const isListed = (infoHash: string, _: unknown, done: (error: Error | null) => void): void =>
  done(known.has(infoHash) ? null : new Error('not listed'))

const { Server } = await loadBittorrentTracker()
const server = new Server({ udp: true, http: true, ws: false, ...options, ...(listed && { filter: isListed }) })
server.on('error', (error: Error) => {
  throw error
})
server.on('listening', () => {
  // It listens for HTTP at one address.
  const six = createServer((request, response) => void server.http?.emit('request', request, response))
  six.listen(httpPort, '::1', () => process.send?.('listening'))
})
server.listen({ http: httpPort, udp: udpPort }, { http: '127.0.0.1', udp: '127.0.0.1', udp6: '::1' })
process.on('message', (infoHash: string) => known.add(infoHash))
process.on('disconnect', () => process.exit())
