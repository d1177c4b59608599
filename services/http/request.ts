import { type Counters, countRefused } from '../../lib/observe/counters.ts'
import { type Measures, makeMeasures } from '../../lib/observe/measures.ts'
import { makeTurnClock } from '../../lib/observe/turn-clock.ts'
import type { AccessCheck } from '../../lib/swarm/access.ts'
import { type AddressRates, requestsOfScrape } from '../../lib/swarm/address-rates.ts'
import type { Announcer } from '../../lib/swarm/announce.ts'
import type { BanCheck } from '../../lib/swarm/bans.ts'
import { OVER_RATE, refusalText, retryInS, someMinutesS } from '../../lib/swarm/refusal.ts'
import type { SwarmStore } from '../../lib/swarm/store.ts'
import { type Counts, NO_COUNTS } from '../../lib/wire/counts.ts'
import { type Endpoint, isIpv6, withPort } from '../../lib/wire/endpoint.ts'
import {
  type HttpAnnounceReply,
  writeCompactAnnounceReply,
  writeDictionaryAnnounceReply,
  writeFailure,
  writeHttpScrapeReply,
} from '../../lib/wire/http-reply.ts'
import { parseHttpAnnounce, parseHttpIp, parseHttpScrape } from '../../lib/wire/http-request.ts'
import { parsed } from '../../lib/wire/parsed.ts'
import type { Query } from '../../lib/wire/query.ts'

/** What answering requests needs. */
export type RequestContext = {
  announcer: Announcer
  store: Pick<SwarmStore, 'scrape'>
  /** A private tracker's; left out where anybody may use the tracker. */
  access?: AccessCheck | undefined
  /** Whose requests are refused. */
  isBanned?: BanCheck
  /** Whose word of where they are counts. */
  mayNameAddress?: (sender: Endpoint) => boolean
  /** How much an address may ask. */
  rates?: Pick<AddressRates, 'admits'>
  /** Chance, 0 to 1: when clients that are refused may try again. */
  random?: () => number
  counters: Counters
  measures?: Measures
  /** Seconds since the epoch by the clock that all frontends share. */
  nowS?: () => number
}

/** An HTTP reply has room for as many peers as an operator allows. */
const PEERS_MAX = Number.POSITIVE_INFINITY
const SECONDS_PER_MINUTE = 60

/**
 * Answers announces and scrapes, bencoded; a failure is an answer like any other (BEP 3). `source` is where the client
 * is, undefined where a trusted proxy does not say; `passkey` is the path's, empty where it has none.
 */
export function makeRequestHandlers(context: RequestContext) {
  const { announcer, store, access, counters, measures, isBanned, mayNameAddress, rates } = context
  const { random = () => 0, nowS = () => 0 } = context
  const { durations } = measures ?? makeMeasures()
  const nowMs = makeTurnClock()
  const fail = (source: Endpoint | undefined, reason: string): Buffer => {
    counters[source && isIpv6(source) ? 'tcp6_errors' : 'tcp4_errors'] += 1
    return writeFailure(reason)
  }

  const refuseBanned = (): Buffer => {
    counters.refused_banned += 1
    return writeFailure(BANNED)
  }

  type Kind = `tcp${'4' | '6'}_${'announces' | 'scrapes'}`
  const refuseOverRate = (kind: Kind): Buffer => {
    counters[kind] += 1
    countRefused(counters, kind, 'over_rate')
    return refusal(OVER_RATE, someMinutesS(random))
  }

  const announce = async (query: Query, source: Endpoint | undefined, passkey: string): Promise<Buffer> => {
    if (!source) return fail(source, NO_ADDRESS)
    if (isBanned?.(source)) return refuseBanned()
    const kind = isIpv6(source) ? 'tcp6_announces' : 'tcp4_announces'
    if (rates?.admits(source, nowS(), 1) === false) return refuseOverRate(kind)
    const read = parseHttpAnnounce(query)
    if (!read.ok) return fail(source, read.reason)
    const { infoHash, report, event, numwant, port, compact, noPeerId } = read.value
    const named = mayNameAddress?.(source) ? parseHttpIp(query, port) : NOT_NAMED
    if (!named.ok) return fail(source, named.reason)
    const startMs = nowMs()
    const endpoint = named.value ?? withPort(source, port)
    const wantsPeerIds = !compact && !noPeerId
    const request = { infoHash, endpoint, sender: source, report, event, numwant, wantsPeerIds, passkey }
    const [outcome] = await announcer([request], PEERS_MAX)
    // Not before: those that were served, all less the refused, must never become fewer.
    counters[kind] += 1
    durations.http_announce.observe((nowMs() - startMs) / 1000)
    if (!outcome?.ok) {
      countRefused(counters, kind, outcome?.cause ?? 'away')
      return refusal(outcome?.reason ?? refusalText('away'), outcome?.retryInS)
    }
    if (outcome.waitS > 0) counters.early_announces += 1
    const warning = outcome.waitS > 0 ? tooEarly(outcome.waitS) : undefined
    const reply: HttpAnnounceReply = { ...outcome, client: source, warning }
    return compact ? writeCompactAnnounceReply(reply) : writeDictionaryAnnounceReply(reply)
  }

  const scrape = async (query: Query, source: Endpoint | undefined, passkey: string): Promise<Buffer> => {
    if (!source) return fail(source, NO_ADDRESS)
    if (isBanned?.(source)) return refuseBanned()
    const kind = isIpv6(source) ? 'tcp6_scrapes' : 'tcp4_scrapes'
    const requests = requestsOfScrape(query.all('info_hash').length)
    if (rates?.admits(source, nowS(), requests) === false) return refuseOverRate(kind)
    const read = parseHttpScrape(query)
    if (!read.ok) return fail(source, read.reason)
    const startMs = nowMs()
    // As Torrust does: whoever may not know is told zeros, as of torrents that nobody has.
    const mayKnow = access?.(passkey) === undefined
    const answers = mayKnow ? await store.scrape(read.value) : read.value.map(() => NO_COUNTS)
    counters[kind] += 1
    durations.http_scrape.observe((nowMs() - startMs) / 1000)
    const refused = answers.find((answer) => typeof answer === 'string')
    if (refused !== undefined) {
      countRefused(counters, kind, refused)
      return refusal(refusalText(refused), retryInS(refused, random))
    }
    return writeHttpScrapeReply(read.value, answers as Counts[])
  }

  return { announce, scrape }
}

/** BEP 31 counts in minutes. */
const refusal = (reason: string, retryInS: number | undefined): Buffer =>
  writeFailure(reason, retryInS === undefined ? undefined : Math.ceil(retryInS / SECONDS_PER_MINUTE))

const tooEarly = (waitS: number): string => `you announce too often: no peers for the next ${waitS} seconds`

const NOT_NAMED = parsed(undefined)
const BANNED = 'your address is banned from this tracker'
const NO_ADDRESS = 'the proxy of this tracker does not tell your address (X-Forwarded-For or PROXY protocol)'
