import { join } from 'node:path'
import { missingProgram, startClient, type TorrentClient } from './client.ts'

export const aria2: TorrentClient = {
  name: 'aria2',
  dialsLoopback: true,
  tellsThatItStops: ['udp', 'http'],
  missing: () => missingProgram('aria2c', 'aria2'),

  async start(task) {
    const { torrent, downloads, home, address, port } = task
    const args = [
      '--no-conf=true',
      '--show-console-readout=false',
      '--console-log-level=info',
      '--enable-color=false',
      `--interface=${address}`,
      `--listen-port=${port}`,
      '--disable-ipv6=true',
      // aria2 asks UDP trackers through its DHT socket only: so it is on, with nobody in its table and no way in.
      '--enable-dht=true',
      `--dht-listen-port=${port}`,
      `--dht-file-path=${join(home, 'dht.dat')}`,
      '--enable-peer-exchange=false',
      '--bt-enable-lpd=false',
      '--check-integrity=true',
      // Seed for good: the test ends it.
      '--seed-ratio=0.0',
      `--stop-with-process=${process.pid}`,
      `--dir=${downloads}`,
      torrent,
    ]
    return startClient('aria2c', args, task)
  },
}
