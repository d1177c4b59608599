import type { StoredAnnounce } from '../swarm/store.ts'
import { REPORT_BYTES } from '../wire/announce.ts'
import type { Keys } from './keys.ts'

/** Bytes of a report as stored: with the event after it. */
export const STORED_REPORT_BYTES = REPORT_BYTES + 1
const FLAG = { seeder: 1, ipv6: 2, event: 4, wantsPeerIds: 16, passkey: 32 } as const
/** Flags, numwant, report, endpoint, length and text of a passkey. */
const REST_BYTES_MAX = 2 + STORED_REPORT_BYTES + 18 + 1 + 255

const HEX_PAIRS = new Uint16Array(256)
for (let byte = 0; byte < 256; byte++) {
  HEX_PAIRS[byte] = Buffer.from(byte.toString(16).padStart(2, '0')).readUInt16LE()
}

/** Writes announces as `lua/announce.lua` reads them. */
export type RecordWriter = {
  /** Most bytes that one record can take. */
  recordBytesMax: number
  /** Writes one at `at`; answers where it ends. */
  write: (into: Buffer, at: number, announce: StoredAnnounce) => number
}

/** The writer for a key prefix; without `peerDetails`, reports are left out. */
export function makeRecordWriter(keys: Keys, peerDetails: boolean): RecordWriter {
  const keyHead = Buffer.from(keys.swarm('0'.repeat(40)))
  const hexAt = keyHead.length - 40
  const tagAt = hexAt - 5
  return {
    recordBytesMax: keyHead.length + REST_BYTES_MAX,
    write(into, at, announce) {
      const { infoHash, endpoint, passkey } = announce
      keyHead.copy(into, at)
      // The key as text is made here and not in Lua: joining strings there costs 0.3 µs more.
      for (let i = 0; i < 20; i++) into.writeUInt16LE(HEX_PAIRS[infoHash[i] as number] as number, at + hexAt + 2 * i)
      into.copyWithin(at + tagAt, at + hexAt, at + hexAt + 3)
      at += keyHead.length
      into[at] = flagsOf(announce)
      into[at + 1] = announce.numwant
      at += 2
      if (peerDetails) {
        at += announce.report.copy(into, at)
        into[at++] = announce.event
      }
      at += endpoint.copy(into, at)
      if (passkey !== '') {
        into[at] = passkey.length
        at += 1 + into.write(passkey, at + 1, 'latin1')
      }
      return at
    },
  }
}

function flagsOf(announce: StoredAnnounce): number {
  return (
    (announce.isSeeder ? FLAG.seeder : 0) +
    (announce.endpoint.length === 18 ? FLAG.ipv6 : 0) +
    FLAG.event * announce.event +
    (announce.wantsPeerIds ? FLAG.wantsPeerIds : 0) +
    (announce.passkey !== '' ? FLAG.passkey : 0)
  )
}
