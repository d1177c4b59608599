import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { makeBanList } from '../../lib/store/bans.ts'
import type { RedisClient } from '../../lib/store/client.ts'
import { makeClientList } from '../../lib/store/clients.ts'
import { makeDeniedList } from '../../lib/store/denied.ts'
import type { Keys } from '../../lib/store/keys.ts'
import { exportAll, makeExportReport } from '../../lib/store/move/export.ts'
import { makeImporter } from '../../lib/store/move/import.ts'
import { makeLineWriter } from '../../lib/store/move/lines.ts'
import { makeImportReport, openExport } from '../../lib/store/move/progress.ts'
import { type ExportHeader, noCounts, swarmLine } from '../../lib/store/move/records.ts'
import { makePasskeyStore } from '../../lib/store/passkeys.ts'
import { makeWhitelist } from '../../lib/store/whitelist.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { announceOf, at, hashOf, storeOn } from './store.ts'

const POLICY = { peerLifetimeS: 3900, peerDetails: true }
const passkey = (letter: string) => letter.repeat(32)

/** Where a tracker is. */
export type Place = { redis: RedisClient; keys: Keys }

/** Exports a tracker; answers the text. */
export async function exported({ redis, keys }: Place, { withPeers = true, withSecret = false } = {}) {
  const report = makeExportReport()
  let text = ''
  const options = { redis, keys, id: randomBytes(16).toString('hex'), version: '1.2.3', withPeers, withSecret }
  for await (const piece of exportAll(options, report)) text += piece.text
  return { text, report }
}

/** A text as a file is read: piece by piece. */
export async function* bytesOf(text: string, size = 7001): AsyncGenerator<Buffer> {
  for (let from = 0; from < text.length; from += size) yield Buffer.from(text.slice(from, from + size), 'latin1')
}

/** Imports a text; answers what became of it. */
export async function imported(place: Place, text: string, changes: Partial<typeof POLICY> = {}) {
  const report = makeImportReport()
  const nowS = Number((await place.redis.time())[0])
  const importStep = makeImporter({ ...place, nowS, ...POLICY, random: Math.random, ...changes }, report)
  for await (const step of (await openExport('a file', bytesOf(text))).steps) await importStep(step)
  return report
}

/** What an audit finds wrong. */
export const drift = async (place: Place) => (await auditAll({ ...place, ...POLICY })).faults

const random = (most: number) => Math.floor(Math.random() * most)

/** An announce by one of so many peers, as clients of all kinds do. */
export function anyAnnounce(infoHash: InfoHash, peers: number): StoredAnnounce {
  const number = random(peers)
  const endpoint =
    number % 3 === 0 ? at(`2001:db8::${number.toString(16)}`, 1 + number) : at(`10.1.${number >> 8}.${number & 255}`)
  const isSeeder = random(3) === 0
  const [peerId, left] = [randomBytes(20), isSeeder ? 0n : 2n ** 64n - 1n - BigInt(number)]
  const event = random(10) === 0 ? EVENT.stopped : isSeeder && random(3) === 0 ? EVENT.completed : EVENT.none
  const report = makeReport(peerId, BigInt(number), left, BigInt(random(2 ** 40)))
  return announceOf({ infoHash, endpoint, isSeeder, event, report, numwant: 0 })
}

/** A tracker with all that there can be. */
export async function fill({ redis, keys }: Place): Promise<void> {
  const nowS = Number((await redis.time())[0])
  let agoS = 3000
  const store = storeOn(redis, POLICY, () => nowS - agoS, keys.prefix)
  const hashes = Array.from({ length: 300 }, () => randomBytes(20) as InfoHash)
  const sizes = hashes.map((_, i) => (i < 2 ? 3000 : i < 20 ? 60 : 8))
  for (; agoS > 0; agoS -= 250) {
    const announces = hashes.flatMap((hash, i) =>
      Array.from({ length: i < 2 ? 600 : i < 20 ? 8 : random(3) }, () => anyAnnounce(hash, sizes[i] as number)),
    )
    for (const reply of await store.announce(announces)) expect(reply.ok).toBe(true)
  }
  const users = ['a', 'b'].map(passkey)
  for (const [i, amount] of [0n, 5000n, 2n ** 60n].entries()) {
    const report = makeReport(Buffer.from('-RS0001-abcdefghijkl'), amount, 9n, amount / 2n)
    await store.announce(
      users.flatMap((key) =>
        ['1', '2'].map((digit) => announceOf({ infoHash: hashOf(digit), passkey: key, report, event: i as 0 | 1 | 2 })),
      ),
    )
  }
  // One with completed downloads and nobody left.
  const seeder = announceOf({ infoHash: hashOf('e'), isSeeder: true })
  await store.announce([
    { ...seeder, event: EVENT.completed },
    { ...seeder, event: EVENT.stopped },
  ])
  await makeWhitelist({ redis, keys }).add(hashes.slice(0, 50))
  const passkeys = makePasskeyStore({ redis, keys })
  await passkeys.put({ passkey: passkey('a'), validUntilS: undefined })
  await passkeys.put({ passkey: passkey('b'), validUntilS: nowS + 86_400 })
  await makeBanList({ redis, keys }).put([
    ['192.0.2.0/24', '0'],
    ['198.51.100.7', '0'],
    ['2001:db8::/32', `${nowS + 5000}`],
  ])
  await makeDeniedList({ redis, keys }).put([
    ['d'.repeat(40), '0'],
    ['e'.repeat(40), `${nowS + 5000}`],
  ])
  await makeClientList({ redis, keys }).put([
    ['-XL', 'deny'],
    ['-XL0019-', 'deny'],
    [String.raw`\x00`, 'deny'],
  ])
  await redis.hset(keys.stats, { udp4_announces: 12_345, tcp6_scrapes: 7 })
  await redis.set(keys.secret, 'ab'.repeat(32))
}

/** An export of so many torrents with a seeder each, which no tracker has made. */
export function largeExport(name: string, torrents: number, nowS: number): string {
  const writer = makeLineWriter()
  const id = randomBytes(16).toString('hex')
  const header: ExportHeader = { redswarm: 'export', format: 3, id, at: nowS, version: '9', peers: true, torrents }
  let text = writer.add(`${JSON.stringify(header)}\n`)
  const hexes = Array.from({ length: torrents }, (_, i) => createHash('sha1').update(`${name} ${i}`).digest('hex'))
  for (const hex of hexes.sort()) {
    const peer = { endpoint: at('192.0.2.1'), isSeeder: true, announcedS: nowS, details: undefined }
    text += writer.add(swarmLine({ hex, addedS: nowS, completed: 3, peers: [peer], done: [] }))
  }
  return text + writer.add(`${JSON.stringify({ end: { ...noCounts(), torrents, peers: torrents } })}\n`) + writer.end()
}
