// npm's bittorrent-tracker at 127.0.0.1, UDP or HTTP, for comparison. Its own program would bind every address.
import { loadBittorrentTracker } from '../../support/bittorrent-tracker/load.ts'

const [protocol, port] = [process.argv[2], Number(process.argv[3])]
const { Server } = await loadBittorrentTracker()
// Its statistics walk all swarms at every request of theirs: switched off, as a fast set-up of it would.
const server = new Server({ udp: protocol === 'udp', http: protocol === 'http', ws: false, stats: false })
server.on('error', (error: Error) => {
  throw error
})
server.listen({ http: port, udp: port }, { http: '127.0.0.1', udp: '127.0.0.1', udp6: '::1' })
process.on('SIGTERM', () => process.exit(0))
