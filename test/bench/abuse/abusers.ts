// What abusers send, each kind a process of its own: `node test/bench/abuse/abusers.ts KIND UDP_PORT HTTP_PORT RATE`. A line on stdout tells how much was sent
// each second; it goes on until it is killed.
import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { writeConnectRequest } from '../../../lib/wire/udp-request.ts'
import { makePace } from '../../../services/load/pace.ts'
import { UdpClient } from '../../support/udp-client.ts'
import { ABUSER, VICTIM } from './addresses.ts'

const TICK_MS = 5
const ADDRESSES = 16
const SLOW_ADDRESSES = 200
/** A header of a slow connection, a byte at a time. */
const SLOW_HEAD = 'GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: tracker.test\r\nX: '
const SLOW_EVERY_MS = 1000
/** New connections in a tick at most: more would wait for the system. */
const OPENED_PER_TICK_MAX = 20

let sent = 0
setInterval(() => console.log(sent), 1000)

async function openSocket(address: string): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.on('error', () => {})
  socket.bind(0, address)
  await once(socket, 'listening')
  return socket
}

/** Sends what `next` makes, so many a second. */
function flood(sockets: readonly Socket[], port: number, ratePerS: number, next: () => Buffer): void {
  const pace = makePace(ratePerS, performance.now())
  setInterval(() => {
    for (let due = pace.due(performance.now()); due > 0; due--) {
      pace.take()
      sockets[sent % sockets.length]?.send(next(), port, '127.0.0.1')
      sent += 1
    }
  }, TICK_MS)
}

/** Announces with an id of their own, for torrents of their own. */
async function announceOf(port: number, from: string): Promise<(infoHash: Buffer, connectionId?: Buffer) => Buffer> {
  const client = await UdpClient.open(port, '127.0.0.1', from)
  await client.connect()
  const request = client.announceRequest()
  client.close()
  return (infoHash, connectionId) => {
    const copy = Buffer.from(request)
    infoHash.copy(copy, 16)
    connectionId?.copy(copy, 0)
    copy.writeUInt16BE(1024 + (sent % 60_000), 96)
    return copy
  }
}

const KINDS: Record<string, (udpPort: number, httpPort: number, ratePerS: number) => Promise<void>> = {
  /** Random bytes, cut and lengthened requests, unknown actions, forged ids, of several addresses; and as much of HTTP. */
  async garbage(udpPort, httpPort, ratePerS) {
    const announce = await announceOf(udpPort, ABUSER)
    const makers = [
      () => randomBytes(sent % 1400),
      () => announce(randomBytes(20)).subarray(0, sent % 98),
      () => announce(randomBytes(20), randomBytes(8)),
      () => Buffer.concat([announce(randomBytes(20)), randomBytes(sent % 300)]),
      () => announce(randomBytes(20), randomBytes(8)).fill(9, 8, 12),
      () => writeConnectRequest(sent).fill(7, 0, 4),
    ]
    const sockets = await Promise.all(Array.from({ length: ADDRESSES }, (_, i) => openSocket(`127.0.3.${i + 1}`)))
    flood(sockets, udpPort, ratePerS, () => (makers[sent % makers.length] as () => Buffer)())
    setInterval(() => {
      const socket = connect({ port: httpPort, host: '127.0.0.1', localAddress: `127.0.3.${1 + (sent % ADDRESSES)}` })
      socket.on('error', () => {})
      socket.on('data', () => socket.destroy())
      socket.end(sent % 2 === 0 ? randomBytes(500) : 'GET /announce?info_hash=%zz&peer_id HTTP/1.1\r\nHost: x\r\n\r\n')
      sent += 1
    }, 10)
  },
  /** Announces with ids that were never given, under a victim's address. */
  async forged(udpPort, _httpPort, ratePerS) {
    const announce = await announceOf(udpPort, VICTIM)
    flood([await openSocket(VICTIM)], udpPort, ratePerS, () => announce(randomBytes(20), randomBytes(8)))
  },
  /** Connects under a victim's address. */
  async connects(udpPort, _httpPort, ratePerS) {
    flood([await openSocket(VICTIM)], udpPort, ratePerS, () => writeConnectRequest(sent))
  },
  /** New torrents without end, of one address. */
  async hashes(udpPort, _httpPort, ratePerS) {
    const announce = await announceOf(udpPort, ABUSER)
    flood([await openSocket(ABUSER)], udpPort, ratePerS, () => announce(randomBytes(20)))
  },
  /** Connections that send a byte of their request each second, as many as are told for the rate. */
  async slow(_udpPort, httpPort, connections) {
    let open = 0
    const openOne = (): void => {
      const localAddress = `127.1.${1 + (sent % SLOW_ADDRESSES)}.1`
      const socket = connect({ port: httpPort, host: '127.0.0.1', localAddress })
      let at = 0
      open += 1
      sent += 1
      const timer = setInterval(() => {
        socket.write(SLOW_HEAD[at++] ?? 'x')
      }, SLOW_EVERY_MS)
      socket.on('error', () => {})
      socket.on('data', () => {})
      socket.on('close', () => {
        clearInterval(timer)
        open -= 1
      })
    }
    setInterval(() => {
      for (let i = 0; i < OPENED_PER_TICK_MAX && open < connections; i++) openOne()
    }, TICK_MS)
  },
}

const [kind = '', udpPort, httpPort, ratePerS] = process.argv.slice(2)
await KINDS[kind]?.(Number(udpPort), Number(httpPort), Number(ratePerS))
