import type { StoredAnnounce } from '../swarm/store.ts'
import { EVENT, REPORT_BYTES } from '../wire/announce.ts'
import type { Keys } from './keys.ts'
import { CHUNKS_BYTES, chunkCount, chunkOf, makeRememberedChunks } from './remembered-chunks.ts'
import { HEX_PAIRS, makeSwarmKeyWriter } from './swarm-key.ts'

/** Bytes of a report as stored: with the event after it. */
export const STORED_REPORT_BYTES = REPORT_BYTES + 1
/** List, numwant, whether the swarm is believed to be large, what is special about the announce. */
const HEADER_BYTES = 4
const SPECIAL = { completed: 1, stopped: 2, peerIds: 4, passkey: 8, noTorrents: 16, noAddressTorrents: 32 } as const
/** The name of a piece's field: `l4:0000`. */
const FIELD_BYTES = 7
/** Two fields, and what chunks were chosen by. */
const CHUNKS_PART_BYTES = 2 * FIELD_BYTES + CHUNKS_BYTES
/** Header, chunks, report, endpoint, length and text of a passkey. */
const REST_BYTES_MAX = HEADER_BYTES + CHUNKS_PART_BYTES + STORED_REPORT_BYTES + 18 + 1 + 255

/** Announces as `lua/announce.lua` reads them. */
export type Records = {
  /** Most bytes that one record can take. */
  recordBytesMax: number
  /** Writes one at `at`; answers where it ends. */
  write: (into: Buffer, at: number, announce: StoredAnnounce) => number
  /** The bytes of one of the records. */
  at: (records: Buffer, i: number) => Buffer
  /** Remembers, for records to come, what the replies to these tell of their swarms; `headOf`: the head that answers one. */
  learn: (records: Buffer, headOf: (i: number) => Buffer | null | undefined) => void
}

/** The records for a key prefix; without `peerDetails`, reports are left out. `random` answers 0 to 1, without 1. */
export function makeRecords(keys: Keys, peerDetails: boolean, random: () => number): Records {
  const swarmKey = makeSwarmKeyWriter(keys)
  const { hexAt } = swarmKey
  const reportBytes = peerDetails ? STORED_REPORT_BYTES : 0
  const remembered = makeRememberedChunks()

  /** Writes which piece to answer from, which chunk the peer goes into, and by what that was told. */
  const writeChunks = (into: Buffer, at: number, known: number | undefined, list: number, announce: StoredAnnounce) => {
    const other = list ^ 1
    const { bytes } = remembered
    const from = known === undefined ? 0 : Math.floor(random() * chunkCount(bytes, known, other))
    const own = known === undefined ? 0 : chunkOf(bytes, known, list, announce.endpoint)
    writeField(into, at, other, from)
    writeField(into, at + FIELD_BYTES, list, own)
    if (known === undefined) into.fill(0, at + 2 * FIELD_BYTES, at + CHUNKS_PART_BYTES)
    else for (let i = 0; i < CHUNKS_BYTES; i++) into[at + 2 * FIELD_BYTES + i] = bytes[known + i] as number
  }

  /** Where the record at `at` ends. */
  const endOf = (records: Buffer, at: number): number => {
    at += swarmKey.bytes
    const isIpv6 = (records[at] as number) >= 2
    const hasPasskey = ((records[at + 3] as number) & SPECIAL.passkey) !== 0
    at += HEADER_BYTES + CHUNKS_PART_BYTES + reportBytes + (isIpv6 ? 18 : 6)
    return hasPasskey ? at + 1 + (records[at] as number) : at
  }

  return {
    recordBytesMax: swarmKey.bytes + REST_BYTES_MAX,
    write(into, at, announce) {
      const { infoHash, endpoint, passkey, isSeeder } = announce
      // The key as text is made here and not in Lua: joining strings there costs 0.3 µs more.
      const keyEnd = swarmKey.write(into, at, infoHash)
      const known = remembered.find(into, at + hexAt)
      const list = (endpoint.length === 18 ? 2 : 0) + (isSeeder ? 1 : 0)
      at = keyEnd
      into[at] = list
      into[at + 1] = announce.event === EVENT.stopped ? 0 : announce.numwant
      into[at + 2] = known === undefined ? 0 : 1
      into[at + 3] = specialOf(announce)
      at += HEADER_BYTES
      writeChunks(into, at, known, list, announce)
      at += CHUNKS_PART_BYTES
      if (peerDetails) {
        at += announce.report.copy(into, at)
        into[at++] = announce.event
      }
      at += endpoint.copy(into, at)
      if (passkey === '') return at
      into[at] = passkey.length
      return at + 1 + into.write(passkey, at + 1, 'latin1')
    },
    learn(records, headOf) {
      for (let i = 0, at = 0; at < records.length; i++, at = endOf(records, at)) {
        const head = headOf(i)
        if (head) remembered.learn(records, at + hexAt, head)
      }
    },
    at(records, i) {
      let at = 0
      for (let passed = 0; passed < i; passed++) at = endOf(records, at)
      return records.subarray(at, endOf(records, at))
    },
  }
}

const [L, S, FOUR, SIX, COLON] = Buffer.from('ls46:') as unknown as [number, number, number, number, number]

function writeField(into: Buffer, at: number, list: number, number: number): void {
  into[at] = list % 2 === 0 ? L : S
  into[at + 1] = list < 2 ? FOUR : SIX
  into[at + 2] = COLON
  into.writeUInt16LE(HEX_PAIRS[number >> 8] as number, at + 3)
  into.writeUInt16LE(HEX_PAIRS[number & 0xff] as number, at + 5)
}

function specialOf({ event, isSeeder, wantsPeerIds, passkey, bar }: StoredAnnounce): number {
  return (
    (event === EVENT.completed && isSeeder ? SPECIAL.completed : 0) +
    (event === EVENT.stopped ? SPECIAL.stopped : 0) +
    (wantsPeerIds ? SPECIAL.peerIds : 0) +
    (passkey !== '' ? SPECIAL.passkey : 0) +
    (bar === undefined ? 0 : bar === 'torrents' ? SPECIAL.noTorrents : SPECIAL.noAddressTorrents)
  )
}
