import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, expectThat, NotOffered, rule } from '../case.ts'
import { type ApiAnswer, askApi } from '../client/api.ts'
import { escaped } from '../client/http.ts'
import type { Scene } from '../scene.ts'
import type { Subject } from '../subject.ts'
import { apiAccess, apiListed } from './api-access.ts'
import { listing, pages } from './api-listing.ts'

/** Asks the API for a path, with its token unless another is given. */
const get = (subject: Subject, path: string, token?: string, headers?: Record<string, string>): Promise<ApiAnswer> =>
  askApi(subject, path, { token, headers })

const COUNTS = ['torrents', 'seeders', 'completed', 'leechers']
const KINDS = ['tcp4', 'tcp6', 'udp4', 'udp6']
const HANDLED = KINDS.flatMap((kind) =>
  ['connections', 'announces', 'scrapes'].map((what) => `${kind}_${what}_handled`),
)

/** Names and types of what a JSON text holds. */
const shapeOf = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(shapeOf)
    : value !== null && typeof value === 'object'
      ? Object.fromEntries(
          Object.entries(value)
            .sort()
            .map(([name, inner]) => [name, shapeOf(inner)]),
        )
      : typeof value

function expectShape({ status, text }: ApiAnswer, shape: unknown): void {
  expectThat(
    status === 200 ? JSON.stringify(shapeOf(JSON.parse(text))) : `HTTP ${status}`,
    JSON.stringify(shapeOf(shape)),
  )
}

/** Every path that asks for a token. */
const GUARDED = [
  ...['/api/v1/stats', `/api/v1/torrent/${'a'.repeat(40)}`, '/api/v1/torrents'],
  ...['/api/v1/whitelist/reload', '/api/v1/keys/reload'],
]

/** Announces a seeder, where there is an API to ask for it; answers the info hash. */
const announced = async (scene: Scene) => {
  if (!scene.subject.api) throw new NotOffered('a REST API')
  const hex = scene.hash().toString('hex')
  await scene.http().announce({
    info_hash: escaped(scene.hash()),
    peer_id: '-qB4500-abcdefghijkl',
    event: 'started',
    left: 0,
    uploaded: 5,
  })
  return hex
}

/** The REST API: paths and shapes of the Torrust Tracker's v1, with HTTP statuses that say what is wrong. */
export const api: Case[] = [
  rule('91', '/api/health_check answers {"status":"Ok"} without a token', 'Torrust', async (scene) => {
    const { status, text } = await get(scene.subject, '/api/health_check', '')
    expectThat(`${status} ${text}`, '200 {"status":"Ok"}')
  }),
  rule('91b', '/api/v1/stats has the 16 counts of Torrust', 'Torrust', async (scene) => {
    const { status, text } = await get(scene.subject, '/api/v1/stats')
    const names = [...COUNTS, ...HANDLED]
    // Torrust has added others since.
    const counts = Object.entries(JSON.parse(text)).filter(([name]) => names.includes(name))
    const answer = { status, text: JSON.stringify(Object.fromEntries(counts)) }
    expectShape(answer, Object.fromEntries(names.map((name) => [name, 0])))
  }),
  rule('91c', '/api/v1/torrent/:info_hash has the counts and peers of Torrust', 'Torrust', async (scene) => {
    const answer = await get(scene.subject, `/api/v1/torrent/${await announced(scene)}`)
    const peer = { peer_id: { id: '', client: '' }, peer_addr: '', updated: 0, updated_milliseconds_ago: 0 }
    const amounts = { uploaded: 0, downloaded: 0, left: 0, event: '' }
    expectShape(answer, { info_hash: '', seeders: 0, completed: 0, leechers: 0, peers: [{ ...peer, ...amounts }] })
  }),
  rule('91d', 'a peer is told as it announced itself: client, address, amounts, event', 'Torrust', async (scene) => {
    const { text } = await get(scene.subject, `/api/v1/torrent/${await announced(scene)}`)
    const { updated: _, updated_milliseconds_ago: __, ...peer } = JSON.parse(text).peers[0]
    const id = `0x${Buffer.from('-qB4500-abcdefghijkl').toString('hex')}`
    const expected = { peer_id: { id, client: 'qBittorrent' }, peer_addr: '127.0.0.1:7001' }
    expectThat(
      JSON.stringify(peer),
      JSON.stringify({ ...expected, uploaded: 5, downloaded: 0, left: 0, event: 'Started' }),
    )
  }),
  rule('91e', 'a torrent that is unknown gets HTTP 404', 'HTTP', async (scene) => {
    const { status } = await get(scene.subject, `/api/v1/torrent/${scene.hash().toString('hex')}`)
    expectThat(`HTTP ${status}`, 'HTTP 404')
  }),
  rule('91f', 'a stop of a peer that was not there makes no torrent', 'opentracker', async (scene) => {
    if (!scene.subject.api) throw new NotOffered('a REST API')
    const hash = scene.hash()
    await scene.http().announce({ info_hash: escaped(hash), event: 'stopped' })
    await scene.http().announce({ info_hash: escaped(hash), event: 'completed', left: 1 })
    await scene.http().announce({ info_hash: escaped(hash), event: 'stopped' })
    expectThat(`HTTP ${(await get(scene.subject, `/api/v1/torrent/${hash.toString('hex')}`)).status}`, 'HTTP 404')
  }),
  rule('91g', 'a torrent whose peers have all fallen silent gets HTTP 404', 'Torrust', async (scene) => {
    const { subject } = await scene.setUp('shortPeerLifetime')
    await scene.http({ at: subject }).announce({ info_hash: escaped(scene.hash()) })
    const status = async () => (await get(subject, `/api/v1/torrent/${scene.hash().toString('hex')}`)).status
    expectThat(`HTTP ${await status()}`, 'HTTP 200', 'at first')
    for (let tried = 0; tried < 100 && (await status()) === 200; tried++) await sleep(200)
    expectThat(`HTTP ${await status()}`, 'HTTP 404')
  }),
  listing,
  ...apiAccess,
  rule('92', 'a missing or a wrong token gets HTTP 401, in the query or as a bearer', 'HTTP', async (scene) => {
    for (const path of GUARDED) {
      for (const [token, headers] of [
        ['', {}],
        ['wrong', {}],
        ['', { authorization: 'Bearer wrong' }],
      ] as const) {
        expectThat(`HTTP ${(await get(scene.subject, path, token, headers)).status}`, 'HTTP 401')
      }
    }
    const right = { authorization: `Bearer ${scene.subject.api?.token}` }
    expectThat(`HTTP ${(await get(scene.subject, '/api/v1/stats', '', right)).status}`, 'HTTP 200', 'the right one')
  }),
  pages,
  rule('94', 'an info hash that is none gets HTTP 400', 'Torrust', async (scene) => {
    for (const hash of ['a', 'a'.repeat(39), 'a'.repeat(41), 'z'.repeat(40)]) {
      expectThat(`HTTP ${(await get(scene.subject, `/api/v1/torrent/${hash}`)).status}`, 'HTTP 400', hash.slice(0, 5))
    }
  }),
  rule(
    '95',
    'a listed tracker refuses a torrent until it is listed, then serves it at once, at every frontend',
    'Torrust',
    async (scene) => {
      const { subject, list } = await scene.setUp('listed')
      const [udp, http] = [
        await scene.udp({ at: subject }),
        scene.http({ at: subject, frontend: subject.frontends.length - 1 }),
      ]
      const [hash, unlisted] = [scene.hash(0), scene.hash(1)]
      expectThat(await udp.tell({ infoHash: hash }), /^error: /, 'UDP')
      expectThat(await http.tell({ info_hash: escaped(hash) }), /^failure: /, 'HTTP')
      await list(hash)
      await sleep(1000)
      expectThat(await udp.tell({ infoHash: hash }), '0/1 sees nobody', 'UDP, listed')
      expectThat(await http.tell({ info_hash: escaped(hash), port: 7002 }), '0/2 sees 7001', 'HTTP, listed')
      expectThat(await udp.tell({ infoHash: unlisted }), /^error: /, 'UDP, another')
    },
  ),
  apiListed,
  rule('96', 'the stats are the sum over all frontends', 'Redswarm', async (scene) => {
    const { subject } = await scene.setUp('quiet')
    const peers = [await scene.udp({ at: subject }), await scene.udp({ at: subject, frontend: 1 })]
    for (const [i, peer] of peers.entries()) {
      await peer.announce({ infoHash: scene.hash(), port: 7001 + i, left: BigInt(i) })
      await peer.scrape(scene.hash())
      await scene.http({ at: subject, frontend: i }).announce({ info_hash: escaped(scene.hash(1)), port: 7001 + i })
    }
    const expected = { torrents: 2, seeders: 1, leechers: 3, udp4_connections_handled: 2, udp4_announces_handled: 2 }
    const expectedText = JSON.stringify({ ...expected, udp4_scrapes_handled: 2, tcp4_announces_handled: 2 })
    // Frontends tell what they counted every second, and the answer is kept for one.
    let told = ''
    for (let tried = 0; tried < 50 && told !== expectedText; tried++) {
      const all = JSON.parse((await get(subject, '/api/v1/stats')).text)
      told = JSON.stringify(Object.fromEntries(Object.keys(JSON.parse(expectedText)).map((name) => [name, all[name]])))
      if (told !== expectedText) await sleep(200)
    }
    expectThat(told, expectedText)
  }),
]
