import { setTimeout as sleep } from 'node:timers/promises'
import { EVENT } from '../../../lib/wire/announce.ts'
import { type InfoHash, infoHashFromHex } from '../../../lib/wire/info-hash.ts'
import { encodeBytes } from '../../../lib/wire/query.ts'
import { ACTION, writeConnectRequest } from '../../../lib/wire/udp-request.ts'
import { type LatencyMs, makeLatencies } from '../../../services/load/histogram.ts'
import { makePace } from '../../../services/load/pace.ts'
import { announce } from '../../support/http-client.ts'
import { UdpClient } from '../../support/udp-client.ts'

/** Torrents that honest clients are in. */
export const HONEST_TORRENTS = 5000
/** No divisor is one of a hundred's: each client makes every kind of request. */
const CLIENTS = 61
const TICK_MS = 5
/** A client asks again after 15 s (BEP 15): what has come by then is answered, and all else is not. */
const ANSWERED_MS_MAX = 15_000
/** Of every hundred requests so many are scrapes, so many connects, so many HTTP announces; the rest are UDP announces. */
const [SCRAPES, CONNECTS, HTTP] = [8, 1, 10]
const PORT_MIN = 1024
const PORTS = 60_000

/** What became of honest requests. */
export type Honest = { asked: number; answered: number; latencyMs: LatencyMs }

const torrents = Array.from({ length: HONEST_TORRENTS }, (_, i) =>
  infoHashFromHex((i * 2_654_435_761).toString(16).padStart(40, 'a')),
) as InfoHash[]

/**
 * Honest clients, who are where `addressOf` says: each announces, scrapes, and connects anew now and then, at an even pace,
 * and starts as another peer each time, as behind a NAT. Runs until told to stop; `counts` says from when on it counts.
 */
export async function runHonest(
  { udpPort, httpPort }: { udpPort: number; httpPort: number },
  { ratePerS, addressOf }: { ratePerS: number; addressOf: (client: number) => string },
  isOver: () => boolean,
  counts: () => boolean,
): Promise<Honest> {
  const clients: UdpClient[] = []
  for (let i = 0; i < CLIENTS; i++) clients.push(await UdpClient.open(udpPort, '127.0.0.1', addressOf(i)))
  for (const client of clients) await client.connect()
  const latencies = makeLatencies()
  const asking = new Set<Promise<void>>()
  let [asked, answered] = [0, 0]
  const pace = makePace(ratePerS, performance.now())
  for (let number = 0; !isOver(); ) {
    for (let due = pace.due(performance.now()); due > 0; due--) {
      const startMs = pace.take()
      const isCounted = counts()
      if (isCounted) asked += 1
      const one = ask(clients[number % CLIENTS] as UdpClient, number++, addressOf, httpPort).then((isAnswered) => {
        asking.delete(one)
        if (!isCounted || !isAnswered) return
        answered += 1
        latencies.record(performance.now() - startMs)
      })
      asking.add(one)
    }
    await sleep(TICK_MS)
  }
  await Promise.all(asking)
  for (const client of clients) client.close()
  return { asked, answered, latencyMs: latencies.percentiles() }
}

/** Whether one request was answered with what was asked for. */
async function ask(
  client: UdpClient,
  number: number,
  addressOf: (client: number) => string,
  httpPort: number,
): Promise<boolean> {
  const kind = (number * 37) % 100
  const infoHash = torrents[(number * 7) % HONEST_TORRENTS] as InfoHash
  const peer = { port: PORT_MIN + (number % PORTS), event: EVENT.started }
  if (kind < HTTP) return askHttp(httpPort, addressOf(number % CLIENTS), infoHash, peer.port)
  if (kind < HTTP + SCRAPES) {
    const reply = await client.exchange(client.scrapeRequest([infoHash]), ANSWERED_MS_MAX)
    return reply?.readUInt32BE(0) === ACTION.scrape
  }
  if (kind < HTTP + SCRAPES + CONNECTS) {
    const reply = await client.exchange(writeConnectRequest(client.nextTransactionId()), ANSWERED_MS_MAX)
    if (reply?.readUInt32BE(0) !== ACTION.connect) return false
    client.connectionId = Buffer.from(reply.subarray(8, 16))
    return true
  }
  const reply = await client.exchange(client.announceRequest({ infoHash, ...peer }), ANSWERED_MS_MAX)
  return reply?.readUInt32BE(0) === ACTION.announce
}

async function askHttp(port: number, from: string, infoHash: InfoHash, peerPort: number): Promise<boolean> {
  const changes = { info_hash: encodeBytes(infoHash), port: peerPort, event: 'started' }
  const answer = announce(`http://127.0.0.1:${port}`, changes, from).catch(() => undefined)
  return (await Promise.race([answer, sleep(ANSWERED_MS_MAX, undefined, { ref: false })]))?.interval !== undefined
}
