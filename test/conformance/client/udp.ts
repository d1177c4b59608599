import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { Deviation } from '../case.ts'
import type { Place } from '../subject.ts'
import { type Answer, LEFT_OF_LEECHER, PEER_ID, readPeers, shownAnswer } from './answer.ts'

/** How long an answer may take on a busy machine, and how long silence is listened to. */
const WAIT_MS = 5000
const SILENCE_MS = 300

const MAGIC = Buffer.from('0000041727101980', 'hex')
export const EVENTS = { none: 0, completed: 1, started: 2, stopped: 3 } as const

/** The fields of an announce (BEP 15); those that are left out are a leecher's regular ones. */
export type AnnounceFields = {
  infoHash?: Buffer
  peerId?: string
  left?: bigint
  event?: number
  ip?: number
  numwant?: number
  port?: number
}

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

/** A UDP client (BEP 15) that sends what it is given, written from the BEP alone: it shares no code with the tracker. */
export class UdpPeer {
  readonly #socket: Socket
  readonly #family: 4 | 6
  readonly #waiting = new Map<number, (reply: Buffer) => void>()
  #unmatched: Buffer | undefined
  #listening: ((datagram: Buffer) => void) | undefined
  #transactionId: number
  connectionId: Buffer = MAGIC

  private constructor(socket: Socket, family: 4 | 6) {
    this.#socket = socket
    this.#family = family
    this.#transactionId = socket.address().port * 0x10000
    socket.on('message', (datagram) => this.#receive(datagram))
    socket.on('error', () => {})
  }

  /** Opens a socket that hears only the tracker; `from` is the client's own address. */
  static async open({ host, port }: Place, from?: string): Promise<UdpPeer> {
    const family = host.includes(':') ? 6 : 4
    const socket = createSocket(`udp${family}`)
    socket.bind(0, from)
    await once(socket, 'listening')
    socket.connect(port, host)
    await once(socket, 'connect')
    return new UdpPeer(socket, family)
  }

  close(): void {
    this.#socket.close()
  }

  #receive(datagram: Buffer): void {
    this.#listening?.(datagram)
    const waiting = datagram.length >= 8 ? this.#waiting.get(datagram.readUInt32BE(4)) : undefined
    if (waiting) waiting(datagram)
    else this.#unmatched = datagram
  }

  /** Sends bytes; answers the reply with their transaction id, or undefined where none comes in time. */
  async exchange(datagram: Buffer, waitMs = WAIT_MS): Promise<Buffer | undefined> {
    const transactionId = datagram.readUInt32BE(12)
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
    const timer = setTimeout(resolve, waitMs, undefined)
    this.#unmatched = undefined
    this.#waiting.set(transactionId, resolve)
    this.#socket.send(datagram)
    const reply = await promise
    clearTimeout(timer)
    this.#waiting.delete(transactionId)
    if (!reply && this.#unmatched)
      throw new Deviation(`another transaction id: ${this.shown(this.#unmatched)}`, 'its own')
    return reply
  }

  /** Sends bytes; tells what comes, whatever it is, in the time that silence is listened to. */
  async listen(datagram: Buffer): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>()
    this.#listening = resolve
    const timer = setTimeout(resolve, SILENCE_MS, undefined)
    this.#socket.send(datagram)
    const reply = await promise
    clearTimeout(timer)
    this.#listening = undefined
    return this.shown(reply)
  }

  /** Sends bytes and tells what is answered. */
  async ask(datagram: Buffer): Promise<string> {
    return this.shown(await this.exchange(datagram))
  }

  /** A datagram in a few words. */
  shown(reply: Buffer | undefined, ownPort = 0): string {
    if (!reply) return 'silent'
    const action = reply.length >= 8 ? reply.readUInt32BE(0) : -1
    if (action === 0 && reply.length >= 16) return `connection id, ${reply.length} bytes`
    if (action === 1 && reply.length >= 20) return shownAnswer(this.answerOf(reply), ownPort)
    if (action === 2) return readCounts(reply).join(' ') || 'no counts'
    if (action === 3) return `error: ${reply.toString('utf8', 8).replace(/\0+$/, '')}`
    return `action ${action}, ${reply.length} bytes`
  }

  answerOf(reply: Buffer): Answer {
    return {
      intervalS: reply.readUInt32BE(8),
      leechers: reply.readUInt32BE(12),
      seeders: reply.readUInt32BE(16),
      peers: readPeers(reply.subarray(20), this.#family),
    }
  }

  connectRequest(transactionId = this.#transactionId++): Buffer {
    return Buffer.concat([MAGIC, word(0), word(transactionId)])
  }

  async connect(): Promise<void> {
    const reply = await this.exchange(this.connectRequest())
    if (reply?.readUInt32BE(0) !== 0) throw new Deviation(this.shown(reply), 'a connection id')
    this.connectionId = Buffer.from(reply.subarray(8, 16))
  }

  head(action: number, transactionId = this.#transactionId++): Buffer {
    return Buffer.concat([this.connectionId, word(action), word(transactionId)])
  }

  announceRequest(fields: AnnounceFields = {}): Buffer {
    const { infoHash = Buffer.alloc(20), peerId = PEER_ID, left = BigInt(LEFT_OF_LEECHER), port = 7001 } = fields
    const amounts = Buffer.alloc(24)
    amounts.writeBigUInt64BE(left, 8)
    const { event = EVENTS.none, ip = 0, numwant = -1 } = fields
    const end = Buffer.from([port >> 8, port & 255])
    const parts = [this.head(1), infoHash, Buffer.from(peerId, 'latin1'), amounts]
    return Buffer.concat([...parts, word(event), word(ip), word(1), word(numwant), end])
  }

  scrapeRequest(infoHashes: readonly Buffer[]): Buffer {
    return Buffer.concat([this.head(2), ...infoHashes])
  }

  /** Announces; fails where anything else than an announce is answered. */
  async announce(fields: AnnounceFields): Promise<Answer> {
    const reply = await this.exchange(this.announceRequest(fields))
    if (reply?.readUInt32BE(0) !== 1 || reply.length < 20) throw new Deviation(this.shown(reply), 'an answer')
    return this.answerOf(reply)
  }

  /** Announces; tells what is answered in a few words. */
  async tell(fields: AnnounceFields): Promise<string> {
    return this.shown(await this.exchange(this.announceRequest(fields)), fields.port ?? 7001)
  }

  /** Scrapes; tells seeders/leechers/completed of each, with spaces between. */
  async scrape(...infoHashes: readonly Buffer[]): Promise<string> {
    return this.ask(this.scrapeRequest(infoHashes))
  }
}

/** The counts of a scrape reply, as seeders/leechers/completed. */
function readCounts(reply: Buffer): string[] {
  return Array.from({ length: Math.floor((reply.length - 8) / 12) }, (_, i) => {
    const at = 8 + 12 * i
    return [reply.readUInt32BE(at), reply.readUInt32BE(at + 8), reply.readUInt32BE(at + 4)].join('/')
  })
}
