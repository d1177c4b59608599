import { setTimeout as sleep } from 'node:timers/promises'
import { awaits, type Case, Deviation, expectThat, type RunnableCase, rule } from '../case.ts'
import { shownRefusal } from '../client/answer.ts'
import type { UdpPeer } from '../client/udp.ts'

const CONNECTED = 'connection id, 16 bytes'

/** A datagram gets silence, and the tracker lives on. */
const silence =
  (make: (peer: UdpPeer) => Buffer): RunnableCase['run'] =>
  async (scene) => {
    const peer = await scene.udpSocket()
    expectThat(await peer.listen(make(peer)), 'silent')
    expectThat(await peer.ask(peer.connectRequest()), CONNECTED, 'a connect after it')
  }

const forged = (peer: UdpPeer): void => {
  peer.connectionId = Buffer.from('6661627269636174', 'hex')
}

/** An error that is no longer than the request, with its transaction id. */
function expectShortError(peer: UdpPeer, reply: Buffer | undefined, requestBytes: number): void {
  expectThat(shownRefusal(peer.shown(reply)), /^error: /)
  const bytes = reply?.length ?? 0
  if (bytes > requestBytes) throw new Deviation(`error of ${bytes} bytes`, `at most ${requestBytes}`)
}

/** Connects and what any datagram is held to: framing, connection ids. */
export const udpFraming: Case[] = [
  rule('1', 'a connect of 16 bytes gets 16: its transaction id, a connection id', 'BEP 15', async (scene) => {
    const peer = await scene.udpSocket()
    expectThat(await peer.ask(peer.connectRequest()), CONNECTED)
  }),
  rule('2', 'bytes after a connect are passed over', 'opentracker', async (scene) => {
    const peer = await scene.udpSocket()
    expectThat(await peer.ask(Buffer.concat([peer.connectRequest(), Buffer.alloc(10)])), CONNECTED)
  }),
  rule(
    '3',
    'a connect of 15 bytes gets silence',
    'opentracker',
    silence((peer) => peer.connectRequest().subarray(0, 15)),
  ),
  rule(
    '4',
    'a connect with a wrong protocol id gets silence',
    'BEP 15',
    silence((peer) => {
      const datagram = peer.connectRequest()
      datagram[7] = 0x81
      return datagram
    }),
  ),
  rule(
    '5',
    '1,496 zero bytes get silence, and the tracker lives on',
    'Torrust',
    silence(() => Buffer.alloc(1496)),
  ),
  rule(
    '6',
    'a datagram of 0 bytes gets silence, and the tracker lives on',
    'BEP 15',
    silence(() => Buffer.alloc(0)),
  ),
  rule('7', 'an action that is unknown gets an error with its transaction id', 'BEP 15', async (scene) => {
    const peer = await scene.udp()
    expectThat(await peer.ask(peer.head(9)), /^error: /)
  }),
  rule(
    '15',
    "another address's connection id gets an error no longer than the request, and counts nobody",
    'aquatic',
    async (scene) => {
      const [own, other] = [await scene.udp(), await scene.udpSocket({ from: '127.0.15.1' })]
      other.connectionId = own.connectionId
      const request = other.announceRequest({ infoHash: scene.hash() })
      expectShortError(other, await other.exchange(request), request.length)
      expectThat(await own.scrape(scene.hash()), '0/0/0', 'scrape')
    },
  ),
  rule('16', 'a connection id is good for every port of its address', 'aquatic, chihaya', async (scene) => {
    const [own, other] = [await scene.udp(), await scene.udpSocket()]
    other.connectionId = own.connectionId
    expectThat(await other.tell({ infoHash: scene.hash() }), '0/1 sees nobody')
  }),
  rule(
    '17',
    'a connection id is good for its lifetime, which can be set, and not for twice that',
    'BEP 15, chihaya',
    async (scene) => {
      const { subject } = await scene.setUp('shortConnectionIds')
      const peer = await scene.udp({ at: subject })
      await sleep(3000)
      expectThat(await peer.tell({ infoHash: scene.hash() }), '0/1 sees nobody', 'in time')
      await sleep(5000)
      expectThat(await peer.tell({ infoHash: scene.hash() }), /^error: /, 'too late')
    },
  ),
  rule('18', 'a connection id of one frontend is good at another', 'chihaya', async (scene) => {
    const [own, other] = [await scene.udp(), await scene.udpSocket({ frontend: 1 })]
    other.connectionId = own.connectionId
    expectThat(await other.tell({ infoHash: scene.hash() }), '0/1 sees nobody')
  }),
  rule('19', 'a connection id is good after a restart', 'chihaya', async (scene) => {
    const { subject, kill, start } = await scene.setUp('restart')
    const peer = await scene.udp({ at: subject })
    await kill()
    await start()
    expectThat(await peer.tell({ infoHash: scene.hash() }), '0/1 sees nobody')
  }),
  awaits(
    '20',
    'a connection id is good under the secret before, not under the one before that',
    'Redswarm',
    'rotation of the secret',
  ),
  rule(
    '21',
    'a scrape with a forged connection id gets an error no longer than the request, never counts',
    'aquatic',
    async (scene) => {
      const peer = await scene.udpSocket({ from: '127.0.21.1' })
      forged(peer)
      const request = peer.scrapeRequest([scene.hash()])
      expectShortError(peer, await peer.exchange(request), request.length)
    },
  ),
  rule(
    '38',
    'of 30 forged connection ids in a row from one address, 10 or more get silence',
    'Torrust',
    async (scene) => {
      const peer = await scene.udpSocket({ from: '127.0.38.1' })
      forged(peer)
      const asked = Array.from({ length: 30 }, () =>
        peer.exchange(peer.announceRequest({ infoHash: scene.hash() }), 1000),
      )
      const answers = (await Promise.all(asked)).filter((reply) => reply !== undefined)
      expectThat(answers.length > 20 ? `${answers.length} of 30 answered` : 'in bounds', 'in bounds')
    },
  ),
  rule(
    '38b',
    'then another address gets its error, and the first is served with a valid id',
    'BEP 15',
    async (scene) => {
      const [peer, other] = [
        await scene.udpSocket({ from: '127.0.38.2' }),
        await scene.udpSocket({ from: '127.0.38.3' }),
      ]
      forged(peer)
      forged(other)
      await Promise.all(
        Array.from({ length: 30 }, () => peer.exchange(peer.announceRequest({ infoHash: scene.hash() }), 500)),
      )
      expectThat(await other.tell({ infoHash: scene.hash() }), /^error: /, 'another address')
      await peer.connect()
      expectThat(await peer.tell({ infoHash: scene.hash() }), '0/1 sees nobody', 'with a valid id')
    },
  ),
  rule('39', '1,000 announces with one connection id are all answered', 'Torrust', async (scene) => {
    const peer = await scene.udp()
    let answers = 0
    for (let burst = 0; burst < 20; burst++) {
      const asked = Array.from({ length: 50 }, () => peer.exchange(peer.announceRequest({ infoHash: scene.hash() })))
      answers += (await Promise.all(asked)).filter((reply) => reply?.readUInt32BE(0) === 1).length
    }
    expectThat(`${answers} of 1000 answered`, '1000 of 1000 answered')
  }),
]
