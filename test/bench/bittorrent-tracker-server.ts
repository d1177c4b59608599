// npm's bittorrent-tracker as a UDP tracker at 127.0.0.1, for comparison. Its own program would bind every address.
import { loadBittorrentTracker } from '../support/bittorrent-tracker/load.ts'

const { Server } = await loadBittorrentTracker()
// Its statistics walk all swarms at every request of theirs: switched off, as a fast set-up of it would.
const server = new Server({ udp: true, http: false, ws: false, stats: false })
server.on('error', (error: Error) => {
  throw error
})
server.on('listening', () => console.log('listening'))
server.listen({ http: 0, udp: Number(process.argv[2]) }, { http: '127.0.0.1', udp: '127.0.0.1', udp6: '::1' })
process.on('SIGTERM', () => process.exit(0))
