import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../support/at-exit.ts'
import { freePort } from '../../support/free-port.ts'
import { endChild, startChild, untilUdpServes } from './process.ts'
import { type Crate, missingCrate, programOf } from './rust.ts'
import { type Tracker, urlOf } from './tracker.ts'

/** Without its lock file, which names versions that today's compilers refuse. */
export const AQUATIC: Crate = { name: 'aquatic_udp', version: '0.9.0', isLocked: false }

/** One worker; what is not said is as it comes. Statistics at an interval of 0 are none. */
const settings = (port: number, numwant: number): string => `
socket_workers = 1
log_level = "error"
[network]
address = "127.0.0.1:${port}"
[protocol]
max_response_peers = ${Math.max(numwant, 30)}
[statistics]
interval = 0
[access_list]
mode = "off"
`

/** Aquatic's UDP tracker: one process of Rust, swarms in memory. */
export const aquatic: Tracker = {
  name: AQUATIC.name,
  protocols: ['udp'],
  find: async () => {
    const program = programOf(AQUATIC)
    if (!program) return { missing: missingCrate(AQUATIC) }
    const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
    return { version: `${stdout?.trim()} of crates.io` }
  },
  async start({ protocol, numwant }) {
    const { path: folder, remove } = await temporaryFolder('aquatic')
    const port = await freePort()
    await writeFile(join(folder, 'config.toml'), settings(port, numwant))
    const server = startChild(programOf(AQUATIC) as string, ['-c', join(folder, 'config.toml')])
    const stop = async () => {
      await endChild(server)
      await remove()
    }
    try {
      await untilUdpServes(server, port)
    } catch (error) {
      await stop()
      throw error
    }
    return { url: urlOf(protocol, port), pids: { server: server.pid }, stop }
  },
}
