import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { parseUdpReply, type UdpReply } from '../../lib/wire/udp-reply.ts'
import {
  ACTION,
  type UdpAnnounceRequest,
  writeAnnounceRequest,
  writeConnectRequest,
  writeScrapeRequest,
} from '../../lib/wire/udp-request.ts'
import { hashOf } from './store.ts'

type AnnounceReply = Extract<UdpReply, { action: typeof ACTION.announce }>

const WAIT_MS = 2000

/** A client of a UDP tracker on a connected socket: it sees no reply that does not come from the address it asked. */
export class UdpClient {
  readonly #socket: Socket
  readonly #waiting = new Map<number, (reply: Buffer) => void>()
  #transactionId = 0x8000_0000
  connectionId: Buffer = Buffer.alloc(8)
  /** What goes before each datagram: that of a proxy. */
  header: Buffer = Buffer.alloc(0)
  /** Empty datagrams that came. */
  empty = 0
  /** The port that it asks. */
  readonly trackerPort: number

  private constructor(socket: Socket, trackerPort: number) {
    this.#socket = socket
    this.trackerPort = trackerPort
    socket.on('message', (datagram) => {
      if (datagram.length === 0) this.empty += 1
      else this.#waiting.get(datagram.readUInt32BE(4))?.(datagram)
    })
    socket.on('error', () => {})
  }

  /** Opens a client of the tracker at this address; `from` is the client's own. */
  static async open(port: number, address = '127.0.0.1', from?: string): Promise<UdpClient> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    socket.bind(0, from)
    await once(socket, 'listening')
    socket.connect(port, address)
    await once(socket, 'connect')
    return new UdpClient(socket, port)
  }

  get port(): number {
    return this.#socket.address().port
  }

  close(): void {
    this.#socket.close()
  }

  /** A transaction id that was not used before. */
  nextTransactionId(): number {
    return this.#transactionId++
  }

  /** Sends bytes as they are. */
  send(datagram: Buffer): void {
    this.#socket.send([this.header, datagram])
  }

  /** Sends a datagram and answers the reply with its transaction id; undefined where none comes in time. */
  exchange(datagram: Buffer, waitMs = WAIT_MS): Promise<Buffer | undefined> {
    const transactionId = datagram.length >= 16 ? datagram.readUInt32BE(12) : -1
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
    const timer = setTimeout(resolve, waitMs, undefined)
    this.#waiting.set(transactionId, resolve)
    this.#socket.send([this.header, datagram])
    return promise.finally(() => {
      clearTimeout(timer)
      this.#waiting.delete(transactionId)
    })
  }

  async ask(datagram: Buffer): Promise<UdpReply> {
    const reply = await this.exchange(datagram)
    if (!reply) throw new Error('no reply came')
    const parsed = parseUdpReply(reply)
    if (!parsed.ok) throw new Error(parsed.reason)
    return parsed.value
  }

  async connect(): Promise<void> {
    const reply = await this.ask(writeConnectRequest(this.nextTransactionId()))
    if (reply.action !== ACTION.connect) throw new Error('no connect reply')
    this.connectionId = Buffer.from(reply.connectionId)
  }

  /** Announces; `left` 0 makes a seeder. Fails where the tracker answers an error. */
  async announce(changes: Partial<UdpAnnounceRequest> & { left?: bigint } = {}): Promise<AnnounceReply> {
    const reply = await this.ask(this.announceRequest(changes))
    if (reply.action !== ACTION.announce)
      throw new Error(reply.action === ACTION.error ? reply.message : 'no announce reply')
    return reply
  }

  announceRequest({ left = 1000n, ...changes }: Partial<UdpAnnounceRequest> & { left?: bigint } = {}): Buffer {
    return writeAnnounceRequest({
      connectionId: this.connectionId,
      transactionId: this.nextTransactionId(),
      infoHash: hashOf('a'),
      report: makeReport(Buffer.from('-RS0001-abcdefghijkl'), 0n, left, 0n),
      event: EVENT.none,
      key: 1,
      numwant: -1,
      port: this.port,
      urlData: '',
      ...changes,
    })
  }

  scrapeRequest(infoHashes: InfoHash[]): Buffer {
    return writeScrapeRequest({
      connectionId: this.connectionId,
      transactionId: this.nextTransactionId(),
      infoHashes,
    })
  }

  async scrape(infoHashes: InfoHash[]) {
    const reply = await this.ask(this.scrapeRequest(infoHashes))
    if (reply.action !== ACTION.scrape)
      throw new Error(reply.action === ACTION.error ? reply.message : 'no scrape reply')
    return reply.counts
  }
}
