import { join } from 'node:path'
import { temporaryFolder } from '../../support/at-exit.ts'
import { freePort } from '../../support/free-port.ts'
import { endChild, startChild, untilListens, untilUdpServes } from './process.ts'
import { builtVersionOf, type Crate, missingCrate, programOf } from './rust.ts'
import { type Protocol, type Tracker, urlOf } from './tracker.ts'

export const TORRUST: Crate = { name: 'torrust-tracker', version: '3.0.0', isLocked: true }

/**
 * As in Torrust's own benchmark, but for `external_ip`: it stores a peer of a loopback address at that one, 0.0.0.0
 * unless it is told.
 */
const settings = (folder: string, protocol: Protocol, port: number, healthPort: number): string => `
[metadata]
schema_version = "2.0.0"
[logging]
threshold = "error"
[core]
listed = false
private = false
tracker_usage_statistics = false
[core.database]
driver = "sqlite3"
path = "${join(folder, 'tracker.db')}"
[core.net]
external_ip = "127.0.0.1"
[core.tracker_policy]
persistent_torrent_completed_stat = false
[[${protocol}_trackers]]
bind_address = "127.0.0.1:${port}"
[health_check_api]
bind_address = "127.0.0.1:${healthPort}"
`

/** Torrust's tracker: one process of Rust, swarms in memory. */
export const torrust: Tracker = {
  name: TORRUST.name,
  protocols: ['udp', 'http'],
  find: async () => {
    const program = programOf(TORRUST)
    if (!program) return { missing: missingCrate(TORRUST) }
    return { version: `${builtVersionOf(TORRUST, program) ?? 'unknown version'} of crates.io` }
  },
  async start({ protocol }) {
    const { path: folder, remove } = await temporaryFolder('torrust')
    const port = await freePort()
    const server = startChild(programOf(TORRUST) as string, [], {
      cwd: folder,
      env: { TORRUST_TRACKER_CONFIG_TOML: settings(folder, protocol, port, await freePort()) },
    })
    const stop = async () => {
      await endChild(server)
      await remove()
    }
    try {
      await (protocol === 'udp' ? untilUdpServes(server, port) : untilListens(server, port))
    } catch (error) {
      await stop()
      throw error
    }
    return { url: urlOf(protocol, port), pids: { server: server.pid }, stop }
  },
}
