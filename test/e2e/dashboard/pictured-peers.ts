import { encodeBytes } from '../../../lib/wire/query.ts'
import { hashOf } from '../../support/store.ts'

/** The swarm that a picture is of. */
export const PICTURED_HASH = '443c7602b4fde83d1154d6d9da48808418b181b6'

/** What clients call themselves in their peer ids. */
const CLIENTS = [
  '-qB5030-',
  '-TR4060-',
  '-lt20B0-',
  '-DE2110-',
  '-UT3550-',
  '-BT7b10-',
  'M7-10-5--',
  '-KT5200-',
  '-qB4650-',
]
const GIB = 2 ** 30
const SIZE = 4.7 * GIB

/** Announces of many peers: of addresses that are for documentation, each with a share of the torrent of its own. */
export function picturedPeers() {
  return Array.from({ length: 130 }, (_, i) => {
    const isSeeder = i % 3 !== 1
    const left = isSeeder ? 0 : Math.round(SIZE * (((i * 37) % 100) / 100))
    const client = CLIENTS[(i * 5) % CLIENTS.length] as string
    return {
      address: addressOf(i),
      info_hash: encodeBytes(hashOf(PICTURED_HASH)),
      peer_id: client.padEnd(20, (i * 7919).toString(36).padEnd(12, 'x7Kq')).slice(0, 20),
      port: 6881 + ((i * 613) % 40_000),
      uploaded: Math.round(GIB * (((i * 53) % 97) / 7)),
      downloaded: Math.round(isSeeder ? SIZE : SIZE - left),
      left,
      event: i % 20 === 0 ? 'completed' : 'started',
    }
  })
}

/** Of each block that is set aside for examples (RFC 5737, RFC 3849). */
function addressOf(i: number): string {
  const host = 10 + ((i * 29) % 230)
  return [`192.0.2.${host}`, `198.51.100.${host}`, `203.0.113.${host}`, `2001:db8:${(i * 31).toString(16)}::${host}`][
    i % 4
  ] as string
}
