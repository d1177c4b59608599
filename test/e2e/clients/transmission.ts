import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { missingProgram, startClient, type TorrentClient } from './client.ts'

export const transmission: TorrentClient = {
  name: 'transmission',
  // It drops each 127.x.y.z that a tracker gives, as no address that a stranger can have.
  dialsLoopback: false,
  // transmission-cli does not wait for its last HTTP request to be sent.
  tellsThatItStops: ['udp'],
  missing: () => missingProgram('transmission-cli', 'transmission-cli'),

  async start(task) {
    const { torrent, downloads, home, address, port } = task
    await writeFile(join(home, 'settings.json'), JSON.stringify(settingsFor(address)))
    const args = ['--config-dir', home, '--download-dir', downloads, '--port', String(port), '--no-portmap']
    return startClient('transmission-cli', [...args, torrent], task)
  },
}

const settingsFor = (address: string) => ({
  'bind-address-ipv4': address,
  'bind-address-ipv6': '::1',
  'dht-enabled': false,
  'lpd-enabled': false,
  'pex-enabled': false,
  'utp-enabled': false,
  'port-forwarding-enabled': false,
  'rpc-enabled': false,
})
