import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import bencode from 'bencode'
import { encodeBytes } from '../../lib/wire/query.ts'
import { hashOf } from './store.ts'

/** A response as it came; header names are in lower case. */
export type HttpResponse = { version: string; status: number; headers: Record<string, string>; body: Buffer }

/** Headers that a client adds. */
export type Headers = Record<string, string>

type Waiting = { hasBody: boolean } & PromiseWithResolvers<HttpResponse>

const END_OF_HEAD = '\r\n\r\n'

/**
 * An HTTP client on one connection that is kept: what is sent is what is given, each character a byte, so that URLs can
 * hold what no URL may. Requests that are not waited for are pipelined; responses come in order.
 */
export class HttpClient {
  readonly #socket: Socket
  readonly #waiting: Waiting[] = []
  #received = Buffer.alloc(0)
  /** Ends when the connection has ended. */
  readonly closed: Promise<unknown>

  private constructor(socket: Socket) {
    this.#socket = socket
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#readResponses(false)
    })
    socket.on('close', () => {
      this.#readResponses(true)
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the connection ended without a response'))
    })
  }

  /** Connects to the server of a URL; `from` is the client's own address. */
  static async open(url: string, from?: string): Promise<HttpClient> {
    const { hostname, port } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket = connect({ host, port: Number(port), ...(from && { localAddress: from }), noDelay: true })
    await once(socket, 'connect')
    return new HttpClient(socket)
  }

  /** Sends bytes as they are. */
  send(bytes: string | Buffer): void {
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** The next response that is not waited for yet. */
  receive(hasBody = true): Promise<HttpResponse> {
    const waiting = { hasBody, ...Promise.withResolvers<HttpResponse>() }
    this.#waiting.push(waiting)
    if (this.#socket.destroyed) waiting.reject(new Error('the connection has ended'))
    return waiting.promise
  }

  /** Asks for a target, `/announce?…`; fails where the connection ends without an answer. */
  request(method: string, target: string, headers: Headers = {}, version = '1.1'): Promise<HttpResponse> {
    const lines = Object.entries({ host: 'tracker.test', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    this.send(`${method} ${target} HTTP/${version}\r\n${lines.join('')}\r\n`)
    return this.receive(method !== 'HEAD')
  }

  get(target: string, headers: Headers = {}): Promise<HttpResponse> {
    return this.request('GET', target, headers)
  }

  /** Says that nothing more will be sent; answers still come. */
  end(): void {
    this.#socket.end()
  }

  close(): void {
    this.#socket.destroy()
  }

  #readResponses(isEnded: boolean): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const found = readResponse(this.#received, next.hasBody, isEnded)
      if (!found) return
      this.#received = this.#received.subarray(found.bytes)
      this.#waiting.shift()
      next.resolve(found.response)
    }
  }
}

function readResponse(bytes: Buffer, hasBody: boolean, isEnded: boolean) {
  const headEnd = bytes.indexOf(END_OF_HEAD)
  if (headEnd < 0) return undefined
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const status = /^(HTTP\/1\.\d) (\d{3}) /.exec(statusLine)
  if (!status) throw new Error(`no status line: ${statusLine}`)
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const bodyAt = headEnd + END_OF_HEAD.length
  const named = headers['content-length']
  // Nothing here is sent in chunks: a body without a length goes on to the end of the connection.
  if (hasBody && named === undefined && !isEnded) return undefined
  const length = hasBody ? Number(named ?? bytes.length - bodyAt) : 0
  if (bytes.length < bodyAt + length) return undefined
  const body = Buffer.from(bytes.subarray(bodyAt, bodyAt + length))
  return {
    response: { version: status[1] as string, status: Number(status[2]), headers, body },
    bytes: bodyAt + length,
  }
}

/** One request on a connection of its own. */
export async function get(url: string, headers: Headers = {}, from?: string): Promise<HttpResponse> {
  const client = await HttpClient.open(url, from)
  try {
    const { origin } = new URL(url)
    return await client.get(url.slice(origin.length), headers)
  } finally {
    client.close()
  }
}

/** An answer to an announce; what is bytes on the wire is text here, a character a byte. */
export type HttpAnnounceAnswer = {
  complete: number
  incomplete: number
  downloaded: number
  interval: number
  'min interval': number
  'external ip': string
  peers: string | { ip: string; port: number; 'peer id'?: string }[]
  peers6?: string
  'failure reason'?: string
  'retry in'?: number
}

/** Bencoding as values, with bytes as text, a character a byte. */
export const decode = (body: Buffer): unknown => toText(bencode.decode(body))

function toText(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  if (Array.isArray(value)) return value.map(toText)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toText(inner)]))
}

/** What an announce changes in a leecher's regular one: raw values of the query; undefined leaves a parameter out. */
export type Changes = Record<string, string | number | undefined>

/** The query of a leecher's regular announce, with changes. */
export function announceTarget(changes: Changes = {}): string {
  const parameters: Changes = {
    info_hash: encodeBytes(hashOf('a')),
    peer_id: '-RS0001-abcdefghijkl',
    port: 6881,
    uploaded: 0,
    downloaded: 0,
    left: 1000,
    ...changes,
  }
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
  return `/announce?${given.map(([name, value]) => `${name}=${value}`).join('&')}`
}

/** Announces on a connection of its own, from an address of the loopback, and reads the answer. */
export async function announce(url: string, changes: Changes = {}, from?: string, headers: Headers = {}) {
  const { status, body } = await get(url + announceTarget(changes), headers, from)
  if (status !== 200) throw new Error(`HTTP ${status}: ${body.toString('latin1')}`)
  return decode(body) as HttpAnnounceAnswer
}

/** The peers of a compact answer of IPv4, as text. */
export function peersOf({ peers }: HttpAnnounceAnswer): string[] {
  const bytes = Buffer.from(peers as string, 'latin1')
  return Array.from({ length: bytes.length / 6 }, (_, i) => {
    const [a, b, c, d] = bytes.subarray(6 * i)
    return `${a}.${b}.${c}.${d}:${bytes.readUInt16BE(6 * i + 4)}`
  })
}
