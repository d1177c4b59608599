import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../support/free-port.ts'
import { endChild, startChild, untilListens, untilUdpServes } from './process.ts'
import { type Tracker, urlOf } from './tracker.ts'

const SERVER = new URL('./bittorrent-tracker-server.ts', import.meta.url)
const MANIFEST = new URL('../../support/bittorrent-tracker/package.json', import.meta.url)

/** npm's bittorrent-tracker: one process of Node, swarms in memory. */
export const bittorrentTracker: Tracker = {
  name: 'bittorrent-tracker',
  protocols: ['udp', 'http'],
  find: async () => {
    const { dependencies } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { dependencies: Record<string, string> }
    return { version: `${dependencies['bittorrent-tracker']} of npm` }
  },
  async start({ protocol }) {
    const port = await freePort()
    const server = startChild(process.execPath, [fileURLToPath(SERVER), protocol, String(port)])
    const stop = () => endChild(server)
    try {
      await (protocol === 'udp' ? untilUdpServes(server, port) : untilListens(server, port))
    } catch (error) {
      await stop()
      throw error
    }
    return { url: urlOf(protocol, port), pids: { server: server.pid }, stop }
  },
}
