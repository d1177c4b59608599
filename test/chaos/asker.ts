import { setTimeout as sleep } from 'node:timers/promises'
import { EVENT, type Event, makeReport } from '../../lib/wire/announce.ts'
import type { Counts } from '../../lib/wire/counts.ts'
import { IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES, toEndpoint } from '../../lib/wire/endpoint.ts'
import { parseHttpAnnounceAnswer, parseHttpScrapeAnswer } from '../../lib/wire/http-answer.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { encodeBytes } from '../../lib/wire/query.ts'
import { parseUdpReply } from '../../lib/wire/udp-reply.ts'
import { ACTION, writeConnectRequest } from '../../lib/wire/udp-request.ts'
import { HttpClient } from '../support/http-client.ts'
import { UdpClient } from '../support/udp-client.ts'
import type { ToldSwarm } from './expected.ts'

/** Where a frontend listens, at 127.0.0.1 and at ::1. */
export type Place = { name: string; udpPort: number; httpPort: number }

/** How long a client waits for an answer before it asks again, and how often it asks. A refusal takes 2 s at most. */
export type Patience = { waitMs: number; tries: number }
/** As loads have it: nothing that was lost is asked for again, so that it can be counted. */
export const ASKS_ONCE: Patience = { waitMs: 5000, tries: 1 }

/** What a client announces. */
export type Said = { infoHash: InfoHash; port: number; isSeeder: boolean; event: keyof typeof EVENT }

/** What came of a request. */
export type Reply =
  | { kind: 'announced'; told: ToldSwarm }
  | { kind: 'scraped'; counts: Counts }
  | { kind: 'refused'; why: string }
  | { kind: 'lost'; why: string }
  /** Not an answer that a tracker gives. */
  | { kind: 'broken'; why: string }

/** A client of one frontend over one protocol and family. */
export type Asker = {
  announce: (said: Said) => Promise<Reply>
  scrape: (infoHash: InfoHash) => Promise<Reply>
  close: () => void
}

/** Peers that each announce asks for: a datagram has room for more, in either family. */
export const NUMWANT = 50
const PEER_ID = Buffer.from('-RS0001-chaoschaosch')
const LOST: Reply = { kind: 'lost', why: '' }
/** Why a request on a connection may be lost that no process has taken in yet. */
export const NEW_CONNECTION = 'on a connection that had no answer yet'
/** A connection id is good for two minutes at least. */
const CONNECTION_ID_MS_MAX = 60_000

const hostOf = (family: 4 | 6): string => (family === 6 ? '::1' : '127.0.0.1')

/** A client of a UDP frontend, which sends from `from`. It connects anew where an answer is missing, as its id may be of no use. */
export function makeUdpAsker(place: Place, family: 4 | 6, from: string, { waitMs, tries }: Patience): Asker {
  let client: UdpClient | undefined
  let connectedMs = Number.NEGATIVE_INFINITY
  const exchange = async (datagram: Buffer) => {
    for (let i = 0; i < tries; i++) {
      const reply = await client?.exchange(datagram, waitMs)
      if (reply) return parseUdpReply(reply)
    }
    connectedMs = Number.NEGATIVE_INFINITY
    return undefined
  }
  const connect = async (): Promise<Reply | undefined> => {
    client ??= await UdpClient.open(place.udpPort, hostOf(family), from)
    if (performance.now() < connectedMs + CONNECTION_ID_MS_MAX) return undefined
    const reply = await exchange(writeConnectRequest(client.nextTransactionId()))
    if (!reply) return LOST
    if (!reply.ok || reply.value.action !== ACTION.connect) return { kind: 'broken', why: 'no reply to a connect' }
    client.connectionId = Buffer.from(reply.value.connectionId)
    connectedMs = performance.now()
    return undefined
  }
  return {
    async announce({ infoHash, port, isSeeder, event }) {
      const failed = await connect()
      if (failed || !client) return failed ?? LOST
      const report = makeReport(PEER_ID, 0n, isSeeder ? 0n : 1000n, 0n)
      const request = { infoHash, port, report, event: EVENT[event] as Event, numwant: NUMWANT }
      const reply = await exchange(client.announceRequest(request))
      if (!reply) return LOST
      if (!reply.ok) return { kind: 'broken', why: reply.reason }
      if (reply.value.action === ACTION.error) return { kind: 'refused', why: reply.value.message }
      if (reply.value.action !== ACTION.announce) return { kind: 'broken', why: 'no reply to an announce' }
      const { seeders, leechers, peers } = reply.value
      const bytes = family === 6 ? IPV6_ENDPOINT_BYTES : IPV4_ENDPOINT_BYTES
      const endpoints = Array.from({ length: peers.length / bytes }, (_, i) =>
        peers.toString('hex', i * bytes, (i + 1) * bytes),
      )
      return { kind: 'announced', told: { seeders, leechers, endpoints } }
    },
    async scrape(infoHash) {
      const failed = await connect()
      if (failed || !client) return failed ?? LOST
      const reply = await exchange(client.scrapeRequest([infoHash]))
      if (!reply) return LOST
      if (!reply.ok) return { kind: 'broken', why: reply.reason }
      if (reply.value.action === ACTION.error) return { kind: 'refused', why: reply.value.message }
      if (reply.value.action !== ACTION.scrape || reply.value.counts.length !== 1)
        return { kind: 'broken', why: 'no reply to a scrape' }
      return { kind: 'scraped', counts: reply.value.counts[0] as Counts }
    },
    close: () => client?.close(),
  }
}

/** A client of an HTTP frontend, likewise, on a connection that it keeps. It asks once: TCP sends again what is lost. */
export function makeHttpAsker(place: Place, family: 4 | 6, from: string, { waitMs, tries }: Patience): Asker {
  let client: HttpClient | undefined
  let isNew = true
  const url = `http://${family === 6 ? '[::1]' : '127.0.0.1'}:${place.httpPort}`
  const close = () => {
    client?.close()
    client = undefined
  }
  const open = async (): Promise<HttpClient> => {
    isNew = true
    const opened = await HttpClient.open(url, from)
    // A server may close a connection that rests, and then nothing is lost.
    void opened.closed.then(() => {
      if (client === opened) client = undefined
    })
    return opened
  }
  const get = async (target: string): Promise<Buffer | Reply> => {
    const lost = (): Reply => ({ kind: 'lost', why: isNew ? NEW_CONNECTION : '' })
    try {
      client ??= await open()
      const response = await Promise.race([client.get(target), sleep(waitMs * tries, undefined, { ref: false })])
      if (!response) close()
      if (!response) return lost()
      isNew = false
      if (response.headers.connection === 'close') close()
      return response.status === 200
        ? response.body
        : { kind: 'broken', why: `HTTP ${response.status}: ${response.body.toString('latin1')}` }
    } catch {
      close()
      return lost()
    }
  }

  return {
    async announce({ infoHash, port, isSeeder, event }) {
      const of = `info_hash=${encodeBytes(infoHash)}&peer_id=${PEER_ID}&port=${port}&left=${isSeeder ? 0 : 1000}`
      const told = event === 'none' ? '' : `&event=${event}`
      const body = await get(`/announce?${of}&uploaded=0&downloaded=0&compact=1&numwant=${NUMWANT}${told}`)
      if (!Buffer.isBuffer(body)) return body
      const answer = parseHttpAnnounceAnswer(body)
      if (!answer.ok) return { kind: 'broken', why: answer.reason }
      if ('failure' in answer.value) return { kind: 'refused', why: answer.value.failure }
      const { seeders, leechers, peers } = answer.value
      if (seeders === undefined || leechers === undefined) return { kind: 'broken', why: 'an answer without counts' }
      const endpoints = peers.map((peer) => (toEndpoint(peer.address, peer.port) as Buffer).toString('hex'))
      return { kind: 'announced', told: { seeders, leechers, endpoints } }
    },
    async scrape(infoHash) {
      const body = await get(`/scrape?info_hash=${encodeBytes(infoHash)}`)
      if (!Buffer.isBuffer(body)) return body
      const answer = parseHttpScrapeAnswer(body)
      if (!answer.ok) return { kind: 'broken', why: answer.reason }
      if ('failure' in answer.value) return { kind: 'refused', why: answer.value.failure }
      const counts = answer.value.get(infoHash.toString('hex'))
      return counts ? { kind: 'scraped', counts } : { kind: 'broken', why: 'a scrape without the torrent' }
    },
    close,
  }
}
