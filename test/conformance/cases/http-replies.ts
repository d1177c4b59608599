import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, expectThat, type RunnableCase, rule } from '../case.ts'
import { shownRefusal } from '../client/answer.ts'
import type { Bencoded } from '../client/bencode.ts'
import { escaped, type HttpPeer, type Parameters, read } from '../client/http.ts'
import { BYTES } from '../hashes.ts'
import type { Scene } from '../scene.ts'

type Dictionary = { [key: string]: Bencoded }

/** What a leecher is told of a seeder at port 7002, as it stands in the answer. */
async function peersTold(scene: Scene, changes: Parameters, family: 4 | 6 = 4): Promise<Dictionary> {
  const peer = scene.http({ family })
  await peer.announce({ info_hash: escaped(scene.hash()), port: 7002, left: 0 })
  return (await peer.announce({ info_hash: escaped(scene.hash()), ...changes })).dictionary
}

/** The keys of the seeder's entry in a list of dictionaries; what else came where there is no list. */
function shownEntry({ peers }: Dictionary): string {
  if (!Array.isArray(peers)) return `a ${typeof peers}`
  const entry = (peers as Dictionary[]).find(({ port }) => port === 7002)
  return entry ? Object.keys(entry).join(', ') : 'not in the list'
}

/** The client is at 198.51.100.7 where the proxy says these hops; undefined: the tracker does not know where. */
const behindProxy =
  (hops: string | undefined, isKnown: boolean): RunnableCase['run'] =>
  async (scene) => {
    const { subject } = await scene.setUp('trustedProxies')
    const peer = scene.http({ at: subject })
    const headers: Record<string, string> = hops === undefined ? {} : { 'x-forwarded-for': hops }
    const info_hash = escaped(scene.hash())
    const told = await peer.tell({ info_hash, left: 0 }, headers)
    if (!isKnown) return expectThat(shownRefusal(told), /^failure: /)
    expectThat(told, '1/0 sees nobody')
    const { peers } = await peer.announce({ info_hash, port: 7009 }, { 'x-forwarded-for': '198.51.100.9' })
    expectThat(`sees ${peers.filter((each) => !each.endsWith(':7009')).join(' ')}`, 'sees 198.51.100.7:7001')
  }

const get = (peer: HttpPeer, target: string, version: string): string =>
  `GET ${target} HTTP/${version}\r\n${version === '1.1' ? `Host: ${peer.place.host}\r\n` : ''}\r\n`

/** Three answers on one connection: all is asked at once, or each after the answer to the one before. */
const oneConnection =
  (isPipelined: boolean): RunnableCase['run'] =>
  async (scene) => {
    const peer = scene.http()
    const targets = [1, 2, 3].map((port) => peer.announceTarget({ info_hash: escaped(scene.hash()), port }))
    const requests = targets.map((target) => get(peer, target, '1.1'))
    const parts = isPipelined ? [requests.join('')] : requests
    const received = await peer.raw(parts, { mark: '8:intervali', answers: 3 })
    const counts = [...received.matchAll(/10:incompletei(\d+)e/g)].map(([, count]) => count)
    expectThat(counts.length > 0 ? `answers ${counts.join(' ')}` : 'no answer', 'answers 1 2 3')
  }

/** What a body has that BEP 3 does not allow. */
function shownFaults(body: Buffer): string {
  const found = read(body)
  return found ? (found.faults[0] ?? 'strict') : 'no bencoding'
}

/** What HTTP answers look like, and what the tracker is as an HTTP server. */
export const httpReplies: Case[] = [
  rule('58', 'compact=1 gives peers as a string', 'BEP 23', async (scene) => {
    const { peers } = await peersTold(scene, { compact: 1 })
    expectThat(typeof peers === 'string' ? 'a string' : 'a list', 'a string')
  }),
  rule('58b', 'compact=0 gives a list of dictionaries: ip, peer id, port', 'BEP 3', async (scene) => {
    expectThat(shownEntry(await peersTold(scene, { compact: 0 })), 'ip, peer id, port')
  }),
  rule('58c', 'no compact is as compact=1', 'BEP 23', async (scene) => {
    const { peers } = await peersTold(scene, { compact: undefined })
    expectThat(typeof peers === 'string' ? 'a string' : 'a list', 'a string')
  }),
  rule('59', 'no_peer_id=1 with compact=0 leaves the peer ids out', 'BEP 3', async (scene) => {
    expectThat(shownEntry(await peersTold(scene, { compact: 0, no_peer_id: 1 })), 'ip, port')
  }),
  rule('60', 'peers of IPv6 come in peers6, 18 bytes each', 'BEP 7', async (scene) => {
    const { peers6 } = await peersTold(scene, {}, 6)
    const bytes = typeof peers6 === 'string' ? peers6.length % 18 : -1
    expectThat(bytes === 0 && peers6 !== '' ? 'in peers6' : `peers6 is ${JSON.stringify(peers6)}`, 'in peers6')
  }),
  rule('61', 'keys are in order and numbers without leading zeros, in all answers', 'BEP 3', async (scene) => {
    const peer = scene.http()
    await peer.announce({ info_hash: escaped(scene.hash()), port: 7002, left: 0 })
    const target = (changes: Parameters) => peer.announceTarget({ info_hash: escaped(scene.hash()), ...changes })
    const hashes = [BYTES.high, ...[0, 1, 2].map(scene.hash).sort(Buffer.compare).reverse()]
    for (const asked of [target({}), target({ compact: 0 }), target({ port: 'a' }), peer.scrapeTarget(...hashes)]) {
      const { body, status } = await peer.ask(asked)
      if (status === 200) expectThat(shownFaults(body), 'strict', asked.split('?')[0])
    }
  }),
  rule(
    '66',
    'behind a trusted proxy, a peer is at the right-most address of X-Forwarded-For',
    'Torrust',
    behindProxy('203.0.113.1, 198.51.100.7', true),
  ),
  rule(
    '66b',
    'behind several, at the right-most that is none of them',
    'Torrust',
    behindProxy('203.0.113.1, 198.51.100.7, 10.1.2.3, 10.1.2.4', true),
  ),
  rule('66c', 'where a trusted proxy does not say, that is a failure', 'Torrust', behindProxy(undefined, false)),
  rule('66d', 'where it says garbage, that is a failure', 'Torrust', behindProxy('198.51.100.7, garbage', false)),
  rule('66e', 'the header of anybody else is ignored', 'Torrust', async (scene) => {
    const peer = scene.http()
    const info_hash = escaped(scene.hash())
    await peer.announce({ info_hash, left: 0 }, { 'x-forwarded-for': '198.51.100.7' })
    const { peers } = await peer.announce({ info_hash, port: 7009 })
    const isBelieved = peers.some((each) => each.startsWith('198.51.100.7'))
    expectThat(isBelieved ? 'believed' : 'ignored', 'ignored')
  }),
  rule('67', 'HEAD gets no body', 'HTTP', async (scene) => {
    const peer = scene.http()
    const target = peer.announceTarget({ info_hash: escaped(scene.hash()) })
    const received = await peer.raw([`HEAD ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`])
    const body = received.split('\r\n\r\n').slice(1).join('').length
    expectThat(received === '' ? 'no answer' : `${body} bytes of body`, '0 bytes of body')
  }),
  rule('67b', 'POST gets HTTP 405, and counts nobody', 'Torrust', async (scene) => {
    const peer = scene.http()
    const answer = await peer.ask(peer.announceTarget({ info_hash: escaped(scene.hash()) }), {}, 'POST')
    expectThat(`HTTP ${answer.status}`, 'HTTP 405')
    expectThat(await peer.scrape(scene.hash()), '0/0/0', 'scrape')
  }),
  rule('68', 'a URL of 8 KiB gets HTTP 414 or 400, and the tracker lives on', 'HTTP', async (scene) => {
    const peer = scene.http()
    const info_hash = escaped(scene.hash())
    expectThat(shownRefusal(await peer.tell({ info_hash, padding: 'a'.repeat(8192) })), /^HTTP 4(14|00)$/)
    expectThat(await peer.tell({ info_hash }), '0/1 sees nobody', 'an announce after it')
  }),
  rule('68b', 'a request line of garbage gets HTTP 400, and the tracker lives on', 'HTTP', async (scene) => {
    const peer = scene.http()
    const received = await peer.raw(['\0\x01garbage\r\n\r\n'])
    expectThat(/^HTTP\/1\.\d (\d+)/.exec(received)?.[1] ?? 'no answer', '400')
    expectThat(await peer.tell({ info_hash: escaped(scene.hash()) }), '0/1 sees nobody', 'an announce after it')
  }),
  rule(
    '69',
    'of a private tracker, a good key is served; unknown, expired and malformed ones get a failure',
    'BEP 27',
    async (scene) => {
      const { subject, addKey } = await scene.setUp('private')
      const keys = ['GoodKey0', 'Expired0', 'Unknown0'].map((part) => part.repeat(4))
      const [good = '', expired = '', unknown = ''] = keys
      await addKey(good)
      await addKey(expired, 1000)
      // A key that is added is known to all frontends after a second.
      await sleep(1000)
      for (const frontend of [0, subject.frontends.length - 1]) {
        const tell = (key?: string) =>
          scene.http({ at: subject, frontend, ...(key && { key }) }).tell({ info_hash: escaped(scene.hash()) })
        expectThat(await tell(good), '0/1 sees nobody', 'good')
        for (const key of [expired, unknown, 'short', '-'.repeat(32)]) {
          expectThat(shownRefusal(await tell(key)), /^failure: /, key)
        }
        expectThat(shownRefusal(await tell()), /^failure: /, 'none')
      }
    },
  ),
  rule('70', 'a connection serves request after request', 'HTTP', oneConnection(false)),
  rule('70b', 'and requests sent at once, in their order', 'HTTP', oneConnection(true)),
  rule('70c', 'a client of HTTP/1.0 without Host is served, and its connection ended', 'HTTP', async (scene) => {
    const peer = scene.http()
    const target = peer.announceTarget({ info_hash: escaped(scene.hash()) })
    const isServed = (await peer.raw([get(peer, target, '1.0')])).includes('8:completei')
    expectThat(isServed ? 'served' : 'not served', 'served')
  }),
  rule('70d', 'a client that takes gzip can read the answer', 'HTTP', async (scene) => {
    const told = await scene.http().tell({ info_hash: escaped(scene.hash()) }, { 'accept-encoding': 'gzip' })
    expectThat(told, '0/1 sees nobody')
  }),
  rule('71', 'GET /health_check answers {"status":"Ok"}', 'Torrust', async (scene) => {
    const peer = scene.http()
    const response = await peer.ask('/health_check')
    const isOk = response.body.toString() === '{"status":"Ok"}'
    expectThat(isOk ? 'Ok' : peer.shown(response), 'Ok')
  }),
  rule('71b', 'an HTTP scrape of no info_hash gets a failure reason, never all torrents', 'BEP 48', async (scene) => {
    const peer = scene.http()
    await peer.announce({ info_hash: escaped(scene.hash()) })
    const told = peer.shown(await peer.ask(peer.place.scrapePath))
    expectThat(/torrents$/.test(told) ? 'all torrents' : told, /^failure: /)
  }),
  rule('71c', 'an HTTP scrape tells zeros of a torrent that is unknown', 'BEP 48', async (scene) => {
    const peer = scene.http()
    await peer.announce({ info_hash: escaped(scene.hash()) })
    expectThat(await peer.scrapeEntries(scene.hash(1), scene.hash()), '0/0/0 0/1/0')
  }),
]
