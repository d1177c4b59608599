import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { Deviation } from '../case.ts'
import type { HttpPlace } from '../subject.ts'
import { type Announce, type Answer, PEER_ID, readPeers, shownAnswer } from './answer.ts'
import { type Bencoded, type Decoded, decode } from './bencode.ts'

const WAIT_MS = 5000

/** Parameters of a query, raw as they stand in the URL; undefined leaves one out. */
export type Parameters = Record<string, string | number | undefined>

type Response = { status: number; headers: IncomingHttpHeaders; body: Buffer }
type Dictionary = { [key: string]: Bencoded }

/** Bytes as a value of a query, each escaped. */
export const escaped = (bytes: Buffer): string => bytes.toString('hex').replace(/../g, '%$&')

/** An HTTP client (BEP 3) that sends what it is given, each request on a connection of its own. */
export class HttpPeer {
  readonly place: HttpPlace
  readonly #from: string | undefined

  constructor(place: HttpPlace, from?: string) {
    this.place = place
    this.#from = from
  }

  /** Asks for a target, `/announce?…`, each character of it a byte. */
  async ask(target: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
    const { host, port } = this.place
    const from = this.#from && { localAddress: this.#from }
    const asked = request({ host, port, path: target, method, headers, agent: false, ...from })
    asked.setTimeout(WAIT_MS, () => asked.destroy(new Deviation('silent', 'an answer')))
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const parts: Buffer[] = []
    for await (const part of response) parts.push(part as Buffer)
    const body = Buffer.concat(parts)
    const isZipped = response.headers['content-encoding'] === 'gzip'
    return { status: response.statusCode ?? 0, headers: response.headers, body: isZipped ? gunzipSync(body) : body }
  }

  /** The target of a leecher's regular announce, with changes. */
  announceTarget(changes: Parameters): string {
    return `${this.place.announcePath}?${queryOf({ ...REGULAR, ...changes })}`
  }

  scrapeTarget(...infoHashes: readonly Buffer[]): string {
    return `${this.place.scrapePath}?${infoHashes.map((hash) => `info_hash=${escaped(hash)}`).join('&')}`
  }

  /** Announces; tells what is answered in a few words. */
  async tell(changes: Parameters, headers: Record<string, string> = {}): Promise<string> {
    return this.shown(await this.ask(this.announceTarget(changes), headers), Number(changes.port ?? REGULAR.port))
  }

  /** Announces; fails where anything else than an announce is answered. */
  async announce(
    changes: Parameters,
    headers: Record<string, string> = {},
  ): Promise<Answer & { dictionary: Dictionary }> {
    const response = await this.ask(this.announceTarget(changes), headers)
    const dictionary = dictionaryOf(response)
    if (!dictionary || !('peers' in dictionary || 'peers6' in dictionary)) {
      throw new Deviation(this.shown(response), 'an answer')
    }
    return { ...answerOf(dictionary), dictionary }
  }

  /** Scrapes; tells seeders/leechers/completed of each info hash in the order asked, `left out` where there is none. */
  async scrapeEntries(...infoHashes: readonly Buffer[]): Promise<string> {
    const response = await this.ask(this.scrapeTarget(...infoHashes))
    const files = dictionaryOf(response)?.files
    if (typeof files !== 'object') return this.shown(response)
    const shown = infoHashes.map((infoHash) => {
      const entry = (files as Dictionary)[infoHash.toString('latin1')] as Dictionary | undefined
      return entry ? `${entry.complete}/${entry.incomplete}/${entry.downloaded}` : 'left out'
    })
    return shown.join(' ')
  }

  /** Scrapes one; what a tracker leaves out it does not know. */
  async scrape(infoHash: Buffer): Promise<string> {
    return (await this.scrapeEntries(infoHash)).replace('left out', '0/0/0')
  }

  /** A response in a few words. */
  shown(response: Response, ownPort = 0): string {
    if (response.status !== 200) return `HTTP ${response.status}`
    const dictionary = dictionaryOf(response)
    if (!dictionary) return 'no bencoding'
    if ('failure reason' in dictionary) return `failure: ${dictionary['failure reason']}`
    if ('files' in dictionary) return `${Object.keys(dictionary.files as Dictionary).length} torrents`
    return shownAnswer(answerOf(dictionary), ownPort)
  }

  /**
   * Sends these bytes on one connection, each part after the answer to the one before; answers all that comes until as
   * many `answers` have come, each with this mark in it, or the other side ends the connection.
   */
  async raw(parts: readonly string[], { mark = '\0', answers = parts.length } = {}): Promise<string> {
    const socket = connect(this.place.port, this.place.host)
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, WAIT_MS)
    let [received, sent] = ['', 0]
    const sendNext = (answered: number): void => {
      for (; sent < parts.length && sent <= answered; sent++) socket.write(parts[sent] as string, 'latin1')
    }
    socket.setEncoding('latin1').on('data', (text: string) => {
      received += text
      const answered = received.split(mark).length - 1
      if (answered >= answers) resolve()
      else sendNext(answered)
    })
    socket.on('error', () => resolve()).on('close', () => resolve())
    sendNext(0)
    await promise
    clearTimeout(timer)
    socket.destroy()
    return received
  }
}

const REGULAR = { peer_id: PEER_ID, port: 7001, uploaded: 0, downloaded: 0, left: 1000, compact: 1 } as const

/** A query of parameters as they are. */
export const queryOf = (parameters: Parameters): string =>
  Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join('&')

/** The parameters of what a peer announces. */
export const parametersOf = ({ infoHash, left, peerId, ...rest }: Announce): Parameters => ({
  info_hash: escaped(infoHash),
  ...rest,
  ...(left !== undefined && { left }),
  ...(peerId !== undefined && { peer_id: peerId }),
})

/** Reads a body strictly; undefined where it is no bencoding. */
export function read(body: Buffer): Decoded | undefined {
  try {
    return decode(body)
  } catch {
    return undefined
  }
}

function dictionaryOf({ status, body }: Response): Dictionary | undefined {
  const value = status === 200 ? read(body)?.value : undefined
  return typeof value === 'object' && !Array.isArray(value) ? value : undefined
}

const numberOf = (value: Bencoded | undefined): number | undefined => (typeof value === 'number' ? value : undefined)

function answerOf({ complete, incomplete, interval, peers, peers6 }: Dictionary): Answer {
  return {
    seeders: numberOf(complete),
    leechers: numberOf(incomplete),
    intervalS: numberOf(interval),
    peers: [...peersOf(peers, 4), ...peersOf(peers6, 6)],
  }
}

function peersOf(peers: Bencoded | undefined, family: 4 | 6): string[] {
  if (typeof peers === 'string') return readPeers(Buffer.from(peers, 'latin1'), family)
  if (!Array.isArray(peers)) return []
  return (peers as Dictionary[]).map(({ ip, port }) => `${ip}:${port}`)
}
