import assert from 'node:assert/strict'
import { makeKeys } from '../../../lib/store/keys.ts'
import { chunkKey, HEAD_BYTES, LISTS, readChunkCounts, readCounts } from '../../../lib/store/layout.ts'
import { makeRecordWriter } from '../../../lib/store/records.ts'
import type { StoredAnnounce } from '../../../lib/swarm/store.ts'
import type { Event } from '../../../lib/wire/announce.ts'
import type { Endpoint } from '../../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../../lib/wire/info-hash.ts'
import { makeReader, type Target } from '../target.ts'

const keys = makeKeys('fuzz:')
const writers = [true, false].map((peerDetails) => ({ peerDetails, writer: makeRecordWriter(keys, peerDetails) }))
const BEFORE = 3

/** An announce as an input says; any that the store's contract allows. */
function announceFrom(input: Buffer): StoredAnnounce {
  const { u8, bytes, rest } = makeReader(input)
  const flags = u8()
  return {
    isSeeder: (flags & 1) !== 0,
    wantsPeerIds: (flags & 2) !== 0,
    event: ((flags >> 2) & 3) as Event,
    endpoint: bytes(flags & 16 ? 18 : 6) as Endpoint,
    numwant: u8(),
    infoHash: bytes(20) as InfoHash,
    report: bytes(44),
    passkey: rest().toString('latin1', 0, 255),
  }
}

/** Reads a record as lua/announce.lua does. */
function readRecord(record: Buffer, peerDetails: boolean) {
  const { u8, bytes, rest } = makeReader(record)
  const key = bytes(keys.prefix.length + 52).toString('latin1')
  const flags = u8()
  const numwant = u8()
  const details = peerDetails ? bytes(45) : undefined
  const endpoint = bytes(flags & 2 ? 18 : 6)
  const passkey = flags & 32 ? bytes(u8()).toString('latin1') : ''
  assert.equal(rest().length, 0, 'a record ends where the writer says')
  return {
    key,
    isSeeder: (flags & 1) !== 0,
    event: (flags >> 2) & 3,
    wantsPeerIds: (flags & 16) !== 0,
    numwant,
    details,
    endpoint,
    passkey,
  }
}

function checkRecord(input: Buffer): void {
  const announce = announceFrom(input)
  for (const { writer, peerDetails } of writers) {
    const into = Buffer.alloc(BEFORE + writer.recordBytesMax + BEFORE, 0xee)
    const end = writer.write(into, BEFORE, announce)
    assert(end <= BEFORE + writer.recordBytesMax, 'no record is longer than its limit')
    assert(
      into.subarray(0, BEFORE).equals(Buffer.alloc(BEFORE, 0xee)) && into.subarray(end).every((byte) => byte === 0xee),
    )
    const { infoHash, report, event, ...rest } = announce
    assert.deepEqual(readRecord(into.subarray(BEFORE, end), peerDetails), {
      ...rest,
      event,
      key: keys.swarm(infoHash.toString('hex')),
      details: peerDetails ? Buffer.concat([report, Buffer.from([event])]) : undefined,
    })
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
    holds: 'an announce comes through the record that the script reads, which is never longer than its limit',
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
