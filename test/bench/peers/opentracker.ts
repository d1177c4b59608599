import { spawnSync } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../support/at-exit.ts'
import { freePort } from '../../support/free-port.ts'
import { endChild, startChild, untilUdpServes } from './process.ts'
import { type Tracker, urlOf } from './tracker.ts'

const PACKAGE = 'opentracker'

/** Debian's opentracker: one process, swarms in memory. As Debian builds it, it serves only the torrents of a list. */
export const opentracker: Tracker = {
  name: PACKAGE,
  protocols: ['udp', 'http'],
  find: async () => {
    const { stdout } = spawnSync('dpkg', ['-s', PACKAGE], { encoding: 'utf8' })
    const isInstalled = /^Status: .* installed$/m.test(stdout ?? '')
    const version = isInstalled ? /^Version: (\S+)$/m.exec(stdout)?.[1] : undefined
    return version ? { version: `${version} of Debian` } : { missing: `not installed: apt-get install ${PACKAGE}` }
  },
  async start({ protocol, infoHashes }) {
    const { path: folder, remove } = await temporaryFolder('opentracker')
    // As root it becomes nobody before it reads the list, and the folder is its root then: names are relative to it.
    await chmod(folder, 0o755)
    await writeFile(join(folder, 'listed'), infoHashes.map((hash) => `${hash.toString('hex')}\n`).join(''))
    const port = await freePort()
    const settings = [`listen.tcp_udp 127.0.0.1:${port}`, `tracker.rootdir ${folder}`, 'access.whitelist listed']
    await writeFile(join(folder, 'config'), `${settings.join('\n')}\n`)
    const server = startChild(PACKAGE, ['-f', join(folder, 'config')])
    const stop = async () => {
      await endChild(server)
      await remove()
    }
    try {
      // It reads its list while it serves already.
      await untilUdpServes(server, port, infoHashes[0])
    } catch (error) {
      await stop()
      throw error
    }
    return { url: urlOf(protocol, port), pids: { server: server.pid }, stop }
  },
}
