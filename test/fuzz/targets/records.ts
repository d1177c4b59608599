import assert from 'node:assert/strict'
import { makeKeys } from '../../../lib/store/keys.ts'
import { chunkKey, HEAD_BYTES, LISTS, readChunkCounts, readCounts } from '../../../lib/store/layout.ts'
import { makeRecords } from '../../../lib/store/records.ts'
import type { StoredAnnounce } from '../../../lib/swarm/store.ts'
import { EVENT, type Event } from '../../../lib/wire/announce.ts'
import type { Endpoint } from '../../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../../lib/wire/info-hash.ts'
import { chunkOf } from '../../support/read-swarm.ts'
import { makeReader, type Target } from '../target.ts'

const keys = makeKeys('fuzz:')
/** What stands for chance. */
const CHANCE = 0.7
const writers = [true, false].map((peerDetails) => ({
  peerDetails,
  records: makeRecords(keys, peerDetails, () => CHANCE),
}))
const BEFORE = 3
const BARS = [undefined, 'torrents', 'address_torrents'] as const
/** The head of a small swarm. */
const SMALL = Buffer.alloc(HEAD_BYTES)

/** An announce as an input says, any that the store's contract allows, and the head that answers it. */
function announceFrom(input: Buffer): { announce: StoredAnnounce; head: Buffer } {
  const { u8, bytes, rest } = makeReader(input)
  const flags = u8()
  const announce = {
    isSeeder: (flags & 1) !== 0,
    wantsPeerIds: (flags & 2) !== 0,
    event: ((flags >> 2) & 3) as Event,
    endpoint: bytes(flags & 16 ? 18 : 6) as Endpoint,
    numwant: u8(),
    infoHash: bytes(20) as InfoHash,
    report: bytes(44),
    bar: BARS[flags >> 5],
  }
  const head = bytes(HEAD_BYTES)
  return { announce: { ...announce, passkey: rest().toString('latin1', 0, 255) }, head }
}

/** Reads a record as lua/announce.lua does. */
function readRecord(record: Buffer, peerDetails: boolean) {
  const { u8, bytes, rest } = makeReader(record)
  const key = bytes(keys.prefix.length + 52).toString('latin1')
  const list = u8()
  const numwant = u8()
  const isLarge = u8() === 1
  const special = u8()
  const from = bytes(7).toString('latin1')
  const own = bytes(7).toString('latin1')
  const chunks = bytes(12)
  const details = peerDetails ? bytes(45) : undefined
  const endpoint = bytes(list & 2 ? 18 : 6)
  const passkey = special & 8 ? bytes(u8()).toString('latin1') : ''
  assert.equal(rest().length, 0, 'a record ends where the writer says')
  return {
    key,
    isSeeder: (list & 1) !== 0,
    numwant,
    isLarge,
    isCompleted: (special & 1) !== 0,
    isStopped: (special & 2) !== 0,
    wantsPeerIds: (special & 4) !== 0,
    bar: BARS[special >> 4],
    from,
    own,
    chunks,
    details,
    endpoint,
    passkey,
  }
}

const hexOf = (number: number) => number.toString(16).padStart(4, '0')

/** What a record must say of chunks, where its swarm's head was seen last as this. */
function chunksFrom({ isSeeder, endpoint }: StoredAnnounce, head: Buffer) {
  const list = (endpoint.length === 18 ? 2 : 0) + (isSeeder ? 1 : 0)
  const other = list ^ 1
  const counts = readChunkCounts(head)
  const isLarge = counts.some((count) => count > 0)
  const count = counts[list] as number
  const own = isLarge && count > 1 ? chunkOf(endpoint, head.readUInt32BE(20), count) : 0
  return {
    isLarge,
    from: `${LISTS[other]}:${hexOf(isLarge ? Math.floor(CHANCE * (counts[other] as number)) : 0)}`,
    own: `${LISTS[list]}:${hexOf(own)}`,
    chunks: isLarge ? head.subarray(12) : Buffer.alloc(12),
  }
}

function checkRecord(input: Buffer): void {
  const { announce, head } = announceFrom(input)
  for (const { records, peerDetails } of writers) {
    const read = (seen: Buffer): Buffer => {
      const into = Buffer.alloc(BEFORE + records.recordBytesMax + BEFORE, 0xee)
      const end = records.write(into, BEFORE, announce)
      assert(end <= BEFORE + records.recordBytesMax, 'no record is longer than its limit')
      assert(
        into.subarray(0, BEFORE).equals(Buffer.alloc(BEFORE, 0xee)) &&
          into.subarray(end).every((byte) => byte === 0xee),
      )
      const { infoHash, report, event, ...rest } = announce
      assert.deepEqual(readRecord(into.subarray(BEFORE, end), peerDetails), {
        ...rest,
        isCompleted: event === EVENT.completed && announce.isSeeder,
        isStopped: event === EVENT.stopped,
        numwant: event === EVENT.stopped ? 0 : announce.numwant,
        key: keys.swarm(infoHash.toString('hex')),
        details: peerDetails ? Buffer.concat([report, Buffer.from([event])]) : undefined,
        ...chunksFrom(announce, seen),
      })
      return into.subarray(BEFORE, end)
    }
    const record = read(SMALL)
    const three = Buffer.concat([record, record, record])
    for (const i of [0, 1, 2]) assert(records.at(three, i).equals(record), 'a record is found among others')
    // The head is the answer to the second of two.
    records.learn(Buffer.concat([record, record]), (i) => (i === 1 ? head : null))
    const again = read(head)
    records.learn(again, () => SMALL)
    read(SMALL)
  }
}

function checkHead(input: Buffer): void {
  const head = Buffer.alloc(HEAD_BYTES)
  input.copy(head)
  const counts = readCounts(head)
  const written = Buffer.alloc(HEAD_BYTES)
  for (const [i, count] of [counts.leechers, counts.seeders, counts.completed].entries())
    written.writeUInt32BE(count, 4 * i)
  for (const [i, count] of readChunkCounts(head).entries()) written.writeUInt16BE(count, 12 + 2 * i)
  assert(written.subarray(0, 20).equals(head.subarray(0, 20)))
  const names = LISTS.flatMap((list, i) =>
    [0, readChunkCounts(head)[i] ?? 0].map((number) => chunkKey('k', list, number)),
  )
  for (const name of names) assert.match(name, /^k:[ls][46]:[0-9a-f]{4}$/)
}

/** What goes to Redis, and what comes back. */
export const recordTargets: readonly Target[] = [
  {
    name: 'record',
    holds:
      'an announce comes through the record that the script reads, with the chunks that the last reply told; it is never longer than its limit',
    inputBytesMax: 400,
    seeds: [Buffer.alloc(0), Buffer.alloc(90, 0x17), Buffer.alloc(400, 0xff)],
    words: [],
    check: checkRecord,
  },
  {
    name: 'head',
    holds: "a swarm's head is read whole, and names only keys that can be",
    inputBytesMax: HEAD_BYTES,
    seeds: [Buffer.alloc(HEAD_BYTES), Buffer.alloc(HEAD_BYTES, 0xff)],
    words: [],
    check: checkHead,
  },
]
