import { expect, it } from 'vitest'
import { makeCounters } from '../../lib/observe/counters.ts'
import { makeMeasures } from '../../lib/observe/measures.ts'
import type { AddressRates } from '../../lib/swarm/address-rates.ts'
import type { Datagram } from '../../lib/udp/socket.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { makeConnectionIds } from '../../lib/wire/connection-id.ts'
import { type Endpoint, endpointText, toEndpoint } from '../../lib/wire/endpoint.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { parseUdpReply } from '../../lib/wire/udp-reply.ts'
import { writeAnnounceRequest, writeConnectRequest, writeScrapeRequest } from '../../lib/wire/udp-request.ts'
import { makeDatagramHandler } from '../../services/udp/datagram.ts'
import { makeErrorBudget } from '../../services/udp/error-budget.ts'

const NOW_S = 1_764_000_000
const connectionIds = makeConnectionIds({ secret: Buffer.alloc(32, 's'), lifetimeS: 120 })
const at = (address: string): Endpoint => toEndpoint(address, 6881) as Endpoint
const sources = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(at)
const idOf = (source: Endpoint): Buffer => Buffer.from(connectionIds([source], NOW_S).issue(0))

/** What a batch of datagrams, one from each source, is answered; a swarm's counts are the bytes of its info hash. */
async function repliesTo(
  payloads: readonly Buffer[],
  measures = makeMeasures(),
  changes: Partial<Parameters<typeof makeDatagramHandler>[0]> = {},
) {
  const sent: Datagram[] = []
  const handle = makeDatagramHandler({
    announcer: async (requests) =>
      requests.map(() => ({ ok: false, cause: 'away', reason: 'away', retryInS: undefined })),
    store: {
      scrape: async (infoHashes) =>
        infoHashes.map(([seeders = 0, completed = 0, leechers = 0]) => ({ seeders, completed, leechers })),
    },
    connectionIds,
    errorBudget: makeErrorBudget(1),
    counters: makeCounters(),
    measures,
    nowS: () => NOW_S,
    ...changes,
  })
  const batch = payloads.map((payload, i) => ({ payload, source: sources[i] as Endpoint, via: undefined }))
  await handle(batch, (replies) => void sent.push(...replies))
  return sent.map(({ payload, source }) => ({ source, reply: parseUdpReply(payload) }))
}

it('gives each client of a batch the connection id of its own address', async () => {
  const replies = await repliesTo(sources.map((_, i) => writeConnectRequest(i)))
  expect(replies).toEqual(
    sources.map((source, i) => ({
      source,
      reply: { ok: true, value: { action: 0, transactionId: i, connectionId: idOf(source) } },
    })),
  )
})

it('answers each scrape of a batch with the counts that it asked for', async () => {
  const hashOf = (byte: number): InfoHash => Buffer.alloc(20, Buffer.from([byte, byte + 1, byte + 2])) as InfoHash
  const asked = [[10], [20, 30, 40], [50, 60]]
  const requests = asked.map((bytes, transactionId) =>
    writeScrapeRequest({
      connectionId: idOf(sources[transactionId] as Endpoint),
      transactionId,
      infoHashes: bytes.map(hashOf),
    }),
  )
  expect((await repliesTo(requests)).map(({ reply }) => reply)).toEqual(
    asked.map((bytes, transactionId) => ({
      ok: true,
      value: {
        action: 2,
        transactionId,
        counts: bytes.map((byte) => ({ seeders: byte, completed: byte + 1, leechers: byte + 2 })),
      },
    })),
  )
})

it('times each request of a batch, not each batch', async () => {
  const measures = makeMeasures()
  const rest = { event: EVENT.none, key: 0, numwant: 50, port: 6881, urlData: '' }
  const announces = sources.map((source, transactionId) =>
    writeAnnounceRequest({
      ...{ ...rest, connectionId: idOf(source), transactionId, infoHash: Buffer.alloc(20) as InfoHash },
      report: makeReport(Buffer.alloc(20), 0n, 0n, 0n),
    }),
  )
  await repliesTo(announces, measures)
  await repliesTo(
    sources.map((_, i) => writeConnectRequest(i)),
    measures,
  )
  const timed = (name: 'udp_announce' | 'udp_connect') =>
    measures.durations[name].read().counts.reduce((sum, count) => sum + count, 0)
  expect([timed('udp_announce'), timed('udp_connect')]).toEqual([3, 3])
})

/** Rates that note who was asked for what, and admit nobody. */
function closedRates() {
  const asked: string[] = []
  const ask = (what: string, isYes: boolean) => (source: Endpoint) => {
    asked.push(`${what} ${endpointText(source)}`)
    return isYes
  }
  const rates: AddressRates = {
    admits: ask('request', false),
    admitsConnect: ask('connect', false),
    isToBeTold: (source) => source === sources[0],
    takeHeldBack: () => undefined,
  }
  return { asked, rates }
}

it('takes of the rate of an address only what has a valid connection id, and tells it once that it asks too much', async () => {
  const { asked, rates } = closedRates()
  const counters = makeCounters()
  const scrapeBy = (connectionId: Buffer, transactionId: number) =>
    writeScrapeRequest({ connectionId, transactionId, infoHashes: [Buffer.alloc(20) as InfoHash] })
  const forged = sources.map((_, i) => scrapeBy(Buffer.alloc(8, 7), i))
  await repliesTo(forged, makeMeasures(), { rates, counters })
  expect(asked).toEqual([])
  const valid = sources.slice(0, 2).map((source, i) => scrapeBy(idOf(source), i))
  const replies = await repliesTo([...valid, Buffer.alloc(3)], makeMeasures(), { rates, counters })
  expect(asked).toEqual(['request 192.0.2.1:6881', 'request 192.0.2.2:6881'])
  const message = 'too many requests from your address: slow down'
  expect(replies).toEqual([
    { source: sources[0], reply: { ok: true, value: { action: 3, transactionId: 0, message } } },
  ])
  expect(counters).toMatchObject({ udp4_scrapes: 1, udp4_scrapes_refused: 1, refused_over_rate: 1, udp_over_rate: 1 })
})

it('leaves connects over the rate of their address without an answer', async () => {
  const { asked, rates } = closedRates()
  const counters = makeCounters()
  const connects = sources.map((_, i) => writeConnectRequest(i))
  expect(await repliesTo(connects, makeMeasures(), { rates, counters })).toEqual([])
  expect(asked).toHaveLength(3)
  expect(counters).toMatchObject({ udp_over_rate: 3, udp4_connections: 0 })
})
