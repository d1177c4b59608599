import { type Case, expectThat, type RunnableCase, rule } from '../case.ts'
import { shownRefusal } from '../client/answer.ts'
import { escaped, type Parameters } from '../client/http.ts'
import { BYTES } from '../hashes.ts'
import type { Scene } from '../scene.ts'

/** Every announce with one of these changes is answered with a failure reason, and counts nobody. */
const refused =
  (...variants: Parameters[]): RunnableCase['run'] =>
  async (scene) => {
    const peer = scene.http()
    await expectOfEach(variants, /^failure: /, async (changes) =>
      shownRefusal(await peer.tell({ info_hash: escaped(scene.hash()), ...changes })),
    )
    expectThat(await peer.scrape(scene.hash()), '0/0/0', 'scrape')
  }

/** Every announce with one of these changes is that of a leecher, who finds the one seeder. */
const taken =
  (...variants: Parameters[]): RunnableCase['run'] =>
  async (scene) => {
    const peer = scene.http()
    await peer.announce({ info_hash: escaped(scene.hash()), port: 7002, left: 0 })
    await expectOfEach(variants, /^1\/1 sees 7002$/, (changes) =>
      peer.tell({ info_hash: escaped(scene.hash()), ...changes }),
    )
  }

/** Where some of the variants are answered otherwise, or each in another way, it is told of which. */
async function expectOfEach(
  variants: readonly Parameters[],
  expected: RegExp,
  tell: (changes: Parameters) => Promise<string>,
): Promise<void> {
  const told: string[] = []
  for (const changes of variants) told.push(await tell(changes))
  const wrong = told.findIndex((each) => !expected.test(each))
  if (wrong < 0) return
  const isSame = new Set(told).size === 1
  expectThat(told[wrong] ?? '', expected, isSame ? '' : shownChanges(variants[wrong] ?? {}))
}

const shownChanges = (changes: Parameters): string =>
  Object.entries(changes)
    .map(([name, value]) => (value === undefined ? `no ${name}` : `${name}=${String(value).slice(0, 12)}`))
    .join(' ')

/** An info hash is announced as it is written here, then as it is written there: that is one torrent. */
const sameHash =
  (here: (scene: Scene) => string, there: (scene: Scene) => string): RunnableCase['run'] =>
  async (scene) => {
    const peer = scene.http()
    await peer.announce({ info_hash: here(scene), port: 7002, left: 0 })
    expectThat(await peer.tell({ info_hash: there(scene) }), '1/1 sees 7002')
  }

const ID = '-RS0001-abcdefghijkl'

/** What an announce over HTTP may hold. */
export const httpAnnounce: Case[] = [
  rule('40', 'an announce without a query gets a failure reason', 'BEP 3', async (scene) => {
    const peer = scene.http()
    expectThat(peer.shown(await peer.ask(peer.place.announcePath)), /^failure: /)
  }),
  rule('41', 'so does one without info_hash', 'BEP 3', refused({ info_hash: undefined })),
  rule('42', 'without peer_id', 'BEP 3', refused({ peer_id: undefined })),
  rule('43', 'without port', 'BEP 3', refused({ port: undefined })),
  rule(
    '44',
    'left that is missing makes a leecher, never a seeder; uploaded and downloaded may be missing',
    'chihaya',
    taken({ left: undefined }, { left: undefined, uploaded: undefined, downloaded: undefined }),
  ),
  rule(
    '44b',
    'left that is negative or no number gets a failure reason',
    'BEP 3',
    refused({ left: -1 }, { left: 'abc' }),
  ),
  rule('44c', 'left that is empty makes a leecher', 'BEP 3', taken({ left: '' })),
  rule(
    '45',
    'an info_hash of 19 or 21 bytes gets a failure reason',
    'BEP 3',
    refused({ info_hash: 'a'.repeat(19) }, { info_hash: 'a'.repeat(21) }),
  ),
  rule('46', 'one of 40 hex digits does', 'BEP 3', refused({ info_hash: 'a0'.repeat(20) })),
  rule(
    '47',
    '%aa and %AA are one byte',
    'BEP 3',
    sameHash(
      (scene) => escaped(scene.hash()),
      (scene) => escaped(scene.hash()).toUpperCase(),
    ),
  ),
  rule(
    '48',
    'Q and %51 are one byte',
    'BEP 3',
    sameHash(
      () => 'Q'.repeat(20),
      () => escaped(BYTES.letters),
    ),
  ),
  rule(
    '49',
    '+ is a byte of its own, no space',
    'BEP 3',
    sameHash(
      () => '+'.repeat(20),
      () => escaped(BYTES.plus),
    ),
  ),
  rule(
    '50',
    'a malformed or cut off escape gets a failure reason',
    'BEP 3',
    refused({ info_hash: `${'a'.repeat(19)}%zz` }, { info_hash: `${'a'.repeat(19)}%4` }),
  ),
  rule('51', 'bytes from 0x80 on come back as they are in a scrape', 'BEP 48', async (scene) => {
    const peer = scene.http()
    await peer.announce({ info_hash: escaped(BYTES.high) })
    expectThat(await peer.scrapeEntries(BYTES.high), '0/1/0')
  }),
  rule('52', 'zero bytes in an info hash are kept', 'BEP 3', async (scene) => {
    const peer = scene.http()
    await peer.announce({ info_hash: escaped(BYTES.zeros) })
    expectThat(await peer.scrapeEntries(BYTES.zeros), '0/1/0')
  }),
  rule('53', 'info_hash given twice gets a failure reason', 'chihaya', async (scene) => {
    const hash = escaped(scene.hash())
    await refused(
      { info_hash: `${hash}&info_hash=${hash}` },
      { info_hash: `${hash}&info_hash=${escaped(scene.hash(1))}` },
    )(scene)
  }),
  rule(
    '54',
    'a peer_id of 19 or 21 bytes gets a failure reason',
    'BEP 3',
    refused({ peer_id: ID.slice(1) }, { peer_id: `${ID}m` }),
  ),
  rule(
    '55',
    'port -1, 1.1, a, 65536 or 0 gets a failure reason',
    'BEP 3',
    refused(...[-1, 1.1, 'a', 65_536, 0].map((port) => ({ port }))),
  ),
  rule('55b', 'but not port 0 of a peer that stops', 'BEP 3', async (scene) => {
    const told = await scene.http().tell({ info_hash: escaped(scene.hash()), port: 0, event: 'stopped' })
    expectThat(told, '0/0 sees nobody')
  }),
  rule('56', 'numwant -1 gives the default', 'BEP 3', taken({ numwant: -1 })),
  rule('56b', 'numwant that is no number gets a failure reason', 'BEP 3', refused({ numwant: 'a' })),
  rule('56c', 'numwant 1 gives one peer, 0 none', 'BEP 3', async (scene) => {
    const peer = scene.http()
    const info_hash = escaped(scene.hash())
    for (let port = 1; port <= 5; port++) await peer.announce({ info_hash, port, left: 0 })
    for (const numwant of [1, 0]) {
      const { peers } = await peer.announce({ info_hash, numwant })
      expectThat(`peers: ${peers.length}`, `peers: ${numwant}`, `numwant=${numwant}`)
    }
  }),
  rule('57', 'compact=2 and compact=a are as compact=1', 'BEP 23', async (scene) => {
    const peer = scene.http()
    for (const compact of [2, 'a']) {
      const { dictionary } = await peer.announce({ info_hash: escaped(scene.hash()), compact })
      expectThat(typeof dictionary.peers === 'string' ? 'compact' : 'a list', 'compact', `compact=${compact}`)
    }
  }),
  rule('62', 'an empty event is a regular announce, as none is', 'BEP 3', taken({ event: '' }, { event: undefined })),
  rule(
    '63',
    'paused, Started or any other event is a regular announce',
    'BEP 21',
    taken({ event: 'paused' }, { event: 'Started' }, { event: 'dance' }),
  ),
  rule(
    '64',
    'a parameter without =, one with two, && and one that is unknown are passed over',
    'opentracker',
    taken({ left: '1000&flag' }, { key: 'b=c' }, { compact: '1&&' }, { supportcrypto: '1' }),
  ),
  rule('65', 'the address that ip= names is not believed', 'BEP 3', async (scene) => {
    const peer = scene.http()
    const info_hash = escaped(scene.hash())
    await peer.announce({ info_hash, left: 0, ip: '1.2.3.4' })
    const { peers } = await peer.announce({ info_hash, port: 7009 })
    const seen = peers.filter((each) => !each.endsWith(':7009')).join(' ')
    expectThat(seen.includes('1.2.3.4') || seen === '' ? `sees ${seen || 'nobody'}` : 'ignored', 'ignored')
  }),
]
