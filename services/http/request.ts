import { type Counters, countRefused } from '../../lib/observe/counters.ts'
import { type Measures, makeMeasures } from '../../lib/observe/measures.ts'
import { makeTurnClock } from '../../lib/observe/turn-clock.ts'
import type { AccessCheck } from '../../lib/swarm/access.ts'
import type { Announcer } from '../../lib/swarm/announce.ts'
import type { BanCheck } from '../../lib/swarm/bans.ts'
import { refusalText, retryInS } from '../../lib/swarm/refusal.ts'
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
import { parseHttpAnnounce, parseHttpScrape } from '../../lib/wire/http-request.ts'
import type { Query } from '../../lib/wire/query.ts'

/** What answering requests needs. */
export type RequestContext = {
  announcer: Announcer
  store: Pick<SwarmStore, 'scrape'>
  /** A private tracker's; left out where anybody may use the tracker. */
  access?: AccessCheck | undefined
  /** Whose requests are refused. */
  isBanned?: BanCheck
  /** Chance, 0 to 1: when clients that are refused may try again. */
  random?: () => number
  counters: Counters
  measures?: Measures
}

/** An HTTP reply has room for as many peers as an operator allows. */
const PEERS_MAX = Number.POSITIVE_INFINITY
const SECONDS_PER_MINUTE = 60

/**
 * Answers announces and scrapes, bencoded; a failure is an answer like any other (BEP 3). `source` is where the client
 * is, undefined where a trusted proxy does not say; `passkey` is the path's, empty where it has none.
 */
export function makeRequestHandlers(context: RequestContext) {
  const { announcer, store, access, counters, measures, isBanned, random = () => 0 } = context
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

  const announce = async (query: Query, source: Endpoint | undefined, passkey: string): Promise<Buffer> => {
    if (!source) return fail(source, NO_ADDRESS)
    if (isBanned?.(source)) return refuseBanned()
    const parsed = parseHttpAnnounce(query)
    if (!parsed.ok) return fail(source, parsed.reason)
    const startMs = nowMs()
    const kind = isIpv6(source) ? 'tcp6_announces' : 'tcp4_announces'
    const { infoHash, report, event, numwant, port, compact, noPeerId } = parsed.value
    const endpoint = withPort(source, port)
    const wantsPeerIds = !compact && !noPeerId
    const request = { infoHash, endpoint, report, event, numwant, wantsPeerIds, passkey }
    const [outcome] = await announcer([request], PEERS_MAX)
    // Not before: those that were served, all less the refused, must never become fewer.
    counters[kind] += 1
    durations.http_announce.observe((nowMs() - startMs) / 1000)
    if (!outcome?.ok) {
      countRefused(counters, kind, outcome?.cause ?? 'away')
      return refusal(outcome?.reason ?? refusalText('away'), outcome?.retryInS)
    }
    const reply: HttpAnnounceReply = { ...outcome, client: source }
    return compact ? writeCompactAnnounceReply(reply) : writeDictionaryAnnounceReply(reply)
  }

  const scrape = async (query: Query, source: Endpoint | undefined, passkey: string): Promise<Buffer> => {
    if (!source) return fail(source, NO_ADDRESS)
    if (isBanned?.(source)) return refuseBanned()
    const parsed = parseHttpScrape(query)
    if (!parsed.ok) return fail(source, parsed.reason)
    const startMs = nowMs()
    const kind = isIpv6(source) ? 'tcp6_scrapes' : 'tcp4_scrapes'
    // As Torrust does: whoever may not know is told zeros, as of torrents that nobody has.
    const mayKnow = access?.(passkey) === undefined
    const answers = mayKnow ? await store.scrape(parsed.value) : parsed.value.map(() => NO_COUNTS)
    counters[kind] += 1
    durations.http_scrape.observe((nowMs() - startMs) / 1000)
    const refused = answers.find((answer) => typeof answer === 'string')
    if (refused !== undefined) {
      countRefused(counters, kind, refused)
      return refusal(refusalText(refused), retryInS(refused, random))
    }
    return writeHttpScrapeReply(parsed.value, answers as Counts[])
  }

  return { announce, scrape }
}

/** BEP 31 counts in minutes. */
const refusal = (reason: string, retryInS: number | undefined): Buffer =>
  writeFailure(reason, retryInS === undefined ? undefined : Math.ceil(retryInS / SECONDS_PER_MINUTE))

const BANNED = 'your address is banned from this tracker'
const NO_ADDRESS = 'the proxy before this tracker does not say where you are (X-Forwarded-For)'
