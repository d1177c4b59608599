// Installs the BitTorrent clients, the browser, the Prometheus and the balancers that the tests in this folder drive, where that can be done without
// asking: on Debian and its kin, as root or with a sudo that wants no password. Elsewhere it says so, and the tests skip
// what is missing.
// Plain JavaScript, so that it runs on the Node that a machine has (18 or later).
import { provide } from '../support/packages.mjs'

/** Each group by itself: where one cannot be had, the other can. */
const GROUPS = {
  'BitTorrent clients': ['aria2', 'python3-libtorrent', 'transmission-cli'],
  'browser for the dashboard': ['chromium'],
  'Prometheus for the board': ['prometheus'],
  nginx: ['nginx-light', 'libnginx-mod-stream'],
  HAProxy: ['haproxy'],
  nftables: ['nftables', 'iproute2'],
}

for (const [name, packages] of Object.entries(GROUPS)) console.log(`${name}: ${provide(packages)}`)
