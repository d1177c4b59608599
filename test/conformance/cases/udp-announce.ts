import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, Deviation, expectThat, type RunnableCase, rule } from '../case.ts'
import { shownRefusal } from '../client/answer.ts'
import { type AnnounceFields, EVENTS, type UdpPeer } from '../client/udp.ts'
import type { Scene } from '../scene.ts'

/** An announce, with bytes after its 98 or without some of them, is answered so. */
const answers =
  (change: (announce: Buffer) => Buffer, expected: string): RunnableCase['run'] =>
  async (scene) => {
    const peer = await scene.udp()
    const announce = change(peer.announceRequest({ infoHash: scene.hash() }))
    expectThat(peer.shown(await peer.exchange(announce), 7001), expected)
  }

const followedBy = (...options: Buffer[]) => answers((announce) => Buffer.concat([announce, ...options]), COUNTED)
const COUNTED = '0/1 sees nobody'

/** An option of BEP 41 with a length and data. */
const option = (type: number, data: string): Buffer => Buffer.from([type, data.length, ...Buffer.from(data)])
const END = Buffer.from([0])
const NOP = Buffer.from([1])

/** A private tracker serves who names a good key in these options, and nobody else. */
const privately =
  (options: (path: string) => Buffer[]): RunnableCase['run'] =>
  async (scene) => {
    const { subject, addKey } = await scene.setUp('private')
    const key = 'GoodKey0'.repeat(4)
    await addKey(key)
    await sleep(KNOWN_MS)
    const peer = await scene.udp({ at: subject })
    const announce = async (after: Buffer[]): Promise<string> => {
      const request = Buffer.concat([peer.announceRequest({ infoHash: scene.hash() }), ...after])
      return peer.shown(await peer.exchange(request), 7001)
    }
    expectThat(await announce(options(`/announce/${key}`)), COUNTED, 'a good key')
    expectThat(shownRefusal(await announce(options(`/announce/${'BadKey00'.repeat(4)}`))), /^error: /, 'another')
    expectThat(shownRefusal(await announce([])), /^error: /, 'none')
  }
/** A key that is added is known to all frontends after this time. */
const KNOWN_MS = 1000

/** Announces a leecher with these fields, after a seeder at port 7002, and holds what is told against it. */
const announcing =
  (fields: AnnounceFields, expected: string | RegExp): RunnableCase['run'] =>
  async (scene) => {
    const peer = await scene.udp()
    await peer.announce({ infoHash: scene.hash(), port: 7002, left: 0n })
    expectThat(await peer.tell({ infoHash: scene.hash(), ...fields }), expected)
  }

/** Fills a swarm with seeders, then asks as a leecher; answers how many peers came and the size of the reply. */
async function askOf(scene: Scene, seeders: number, numwants: readonly number[], family: 4 | 6 = 4) {
  const peer = await scene.udp({ family })
  for (let port = 1; port <= seeders; port++) {
    await peer.announce({ infoHash: scene.hash(), port, left: 0n, numwant: 0 })
  }
  const found: { peers: number; bytes: number }[] = []
  for (const numwant of numwants) {
    const reply = await peer.exchange(peer.announceRequest({ infoHash: scene.hash(), numwant }))
    if (reply?.readUInt32BE(0) !== 1) throw new Deviation(peer.shown(reply), 'peers')
    found.push({ peers: peer.answerOf(reply).peers.length, bytes: reply.length })
  }
  return found
}

/** The largest datagram that no link of an MTU of 1500 has to cut up: less 28 bytes of IPv4 and UDP, less 48 of IPv6. */
const fits =
  (family: 4 | 6, bytesMax: number): RunnableCase['run'] =>
  async (scene) => {
    const [found] = await askOf(scene, 260, [1000], family)
    const { peers = 0, bytes = 0 } = found ?? {}
    expectThat(bytes > bytesMax || peers < 2 ? `${peers} peers in ${bytes} bytes` : 'fits', 'fits')
  }

/** What a leecher at another port is told of the swarm. */
const seenBy = async (peer: UdpPeer, scene: Scene): Promise<string> =>
  (await peer.announce({ infoHash: scene.hash(), port: 7009 })).peers
    .filter((each) => !each.endsWith(':7009'))
    .join(' ')

/** What an announce over UDP may hold. */
export const udpAnnounce: Case[] = [
  rule('8', 'an announce of 97 bytes gets silence, and counts nobody', 'BEP 15', async (scene) => {
    const peer = await scene.udp()
    expectThat(await peer.listen(peer.announceRequest({ infoHash: scene.hash() }).subarray(0, 97)), 'silent')
    expectThat(await peer.scrape(scene.hash()), '0/0/0', 'scrape')
  }),
  rule('9', 'an announce of 98 bytes is answered with counts and peers', 'BEP 15', followedBy()),
  rule('10', '1 to 1,000 bytes after an announce are passed over', 'BEP 41', async (scene) => {
    for (const bytes of [1, 2, 100, 1000]) await followedBy(Buffer.alloc(bytes, 0xaa))(scene)
  }),
  rule('11', 'options NOP, URL data and END are read over', 'BEP 41', followedBy(NOP, option(2, '/announce?a=b'), END)),
  rule(
    '11b',
    'the path in the URL data names the user of a private tracker',
    'BEP 41',
    privately((path) => [option(2, path)]),
  ),
  rule('12', 'URL data in two options is read over', 'BEP 41', followedBy(option(2, '/announce'), option(2, '?a=b'))),
  rule(
    '12b',
    'URL data in two options is put together',
    'BEP 41',
    privately((path) => [option(2, path.slice(0, 20)), NOP, option(2, path.slice(20)), END]),
  ),
  rule(
    '13',
    'URL data that claims to end past the datagram is passed over',
    'opentracker',
    followedBy(Buffer.from([2, 200, 47])),
  ),
  rule('14', 'an option of an unknown type is stepped over', 'BEP 41', followedBy(option(9, 'abc'), option(2, '/'))),
  rule('27', 'all 32 bits of a transaction id come back', 'BEP 15', async (scene) => {
    const peer = await scene.udpSocket()
    for (const id of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      expectThat(await peer.ask(peer.connectRequest(id)), 'connection id, 16 bytes', `0x${id.toString(16)}`)
    }
  }),
  rule('28', 'numwant -1 and -5 give the default: as many peers, and several', 'BEP 15', async (scene) => {
    const [minusOne, minusFive] = await askOf(scene, 90, [-1, -5])
    const told = `${minusOne?.peers} and ${minusFive?.peers} of 90 peers`
    expectThat(minusOne?.peers === minusFive?.peers && Number(minusOne?.peers) >= 10 ? 'alike' : told, 'alike')
  }),
  rule('29', 'numwant 1 gives one peer', 'BEP 15', async (scene) => {
    const [found] = await askOf(scene, 20, [1])
    expectThat(`peers: ${found?.peers}`, 'peers: 1')
  }),
  rule('29b', 'numwant 0 gives no peers', 'libtorrent', async (scene) => {
    const [found] = await askOf(scene, 20, [0])
    expectThat(`peers: ${found?.peers}`, 'peers: 0')
  }),
  rule('30', 'numwant 1,000 gives what fits one packet of IPv4: 1,472 bytes', 'BEP 15', fits(4, 1472)),
  rule('30b', 'and of IPv6: 1,452 bytes', 'BEP 15', fits(6, 1452)),
  rule('31', 'a client of IPv6 is told peers of 18 bytes, and none of IPv4', 'BEP 15', async (scene) => {
    const [six, four] = [await scene.udp({ family: 6 }), await scene.udp()]
    await four.announce({ infoHash: scene.hash(), port: 7004, left: 0n })
    await six.announce({ infoHash: scene.hash(), port: 7006, left: 0n })
    const reply = await six.exchange(six.announceRequest({ infoHash: scene.hash(), port: 7009 }))
    expectThat(`${(reply?.length ?? 0) - 20} bytes of peers`, '18 bytes of peers')
    expectThat(six.shown(reply, 7009), '2/1 sees 7006')
  }),
  rule('32', 'a client of IPv4 on a socket of IPv6 is one of IPv4', 'aquatic', async (scene) => {
    const { subject } = await scene.setUp('mappedIpv4')
    const peer = await scene.udp({ at: subject })
    await peer.announce({ infoHash: scene.hash(), left: 0n })
    expectThat(await seenBy(peer, scene), '127.0.0.1:7001')
  }),
  rule('33', 'event 4 is taken for a regular announce', 'BEP 21', announcing({ event: 4 }, '1/1 sees 7002')),
  rule('34', 'event 77 is taken for a regular announce', 'BEP 15', announcing({ event: 77 }, '1/1 sees 7002')),
  rule('35', 'port 0 gets an error', 'Torrust', async (scene) => {
    const peer = await scene.udp()
    expectThat(shownRefusal(await peer.tell({ infoHash: scene.hash(), port: 0 })), /^error: /)
  }),
  rule('35b', 'but not of a peer that stops', 'BEP 15', announcing({ port: 0, event: EVENTS.stopped }, /^1\/0 sees /)),
  rule('36', 'the address that an announce names is not believed', 'chihaya', async (scene) => {
    const peer = await scene.udp()
    await peer.announce({ infoHash: scene.hash(), left: 0n, ip: 0x01020304 })
    const seen = await seenBy(peer, scene)
    expectThat(seen.includes('1.2.3.4') || seen === '' ? `sees ${seen || 'nobody'}` : 'ignored', 'ignored')
  }),
  rule('37', 'left -1, all ones, is no seeder', 'BEP 15', announcing({ left: 2n ** 64n - 1n }, '1/1 sees 7002')),
]
