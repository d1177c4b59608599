import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { startClient, type TorrentClient } from './client.ts'

const SCRIPT = join(import.meta.dirname, 'libtorrent-client.py')
/** Debian's binding is for Debian's Python; another one may come first on PATH. */
const PYTHONS = ['/usr/bin/python3', 'python3']

let known: string | undefined

export const libtorrent: TorrentClient = {
  name: 'libtorrent',
  dialsLoopback: true,
  tellsThatItStops: ['udp', 'http'],
  missing: () =>
    python() ? undefined : 'no python3 here imports libtorrent (Debian: apt-get install python3-libtorrent)',

  async start(task) {
    const { torrent, downloads, address, port } = task
    return startClient(python() ?? 'python3', [SCRIPT, torrent, downloads, `${address}:${port}`], task)
  },
}

function python(): string | undefined {
  known ??= PYTHONS.find((command) => spawnSync(command, ['-c', 'import libtorrent']).status === 0)
  return known
}
