import { type Counters, countRefused } from '../../lib/observe/counters.ts'
import { type Measures, makeMeasures, secondsSince } from '../../lib/observe/measures.ts'
import type { AccessCheck } from '../../lib/swarm/access.ts'
import { type AddressRates, requestsOfScrape } from '../../lib/swarm/address-rates.ts'
import type { AnnounceOutcome, Announcer } from '../../lib/swarm/announce.ts'
import type { BanCheck } from '../../lib/swarm/bans.ts'
import { OVER_RATE, refusalText } from '../../lib/swarm/refusal.ts'
import type { Refusal, SwarmStore } from '../../lib/swarm/store.ts'
import type { Datagram } from '../../lib/udp/socket.ts'
import { type AnnounceRequest, EVENT } from '../../lib/wire/announce.ts'
import type { BatchConnectionIds } from '../../lib/wire/connection-id.ts'
import { type Counts, NO_COUNTS } from '../../lib/wire/counts.ts'
import { type Endpoint, ipv4Endpoint, isIpv6, withPort } from '../../lib/wire/endpoint.ts'
import { readProxyHeader } from '../../lib/wire/proxy-header.ts'
import {
  PEERS_MAX_IPV4,
  PEERS_MAX_IPV6,
  REPLY_HEAD_BYTES,
  type ReplyRoom,
  writeAnnounceReply,
  writeConnectReply,
  writeErrorReply,
  writeScrapeReply,
} from '../../lib/wire/udp-reply.ts'
import {
  ACTION,
  parseUdpRequest,
  REQUEST_HEAD_BYTES,
  type UdpAnnounceRequest,
  type UdpScrapeRequest,
} from '../../lib/wire/udp-request.ts'
import { passkeyOf } from '../../lib/wire/url-data.ts'
import type { ErrorBudget } from './error-budget.ts'
import { makeReplyRoom } from './reply-room.ts'

/** What answering datagrams needs. */
export type DatagramContext = {
  announcer: Announcer
  store: Pick<SwarmStore, 'scrape' | 'placeOf'>
  /** A private tracker's; left out where anybody may use the tracker. */
  access?: AccessCheck | undefined
  /** Whose datagrams are left unanswered. */
  isBanned?: BanCheck
  /** Whose word of where they are counts. */
  mayNameAddress?: (sender: Endpoint) => boolean
  /** How much an address may ask. */
  rates?: AddressRates
  connectionIds: (sources: readonly Endpoint[], nowS: number) => BatchConnectionIds
  errorBudget: ErrorBudget
  counters: Counters
  measures?: Measures
  /** Seconds since the epoch by the clock that all frontends share. */
  nowS: () => number
}

type Waiting<Request> = { datagram: Datagram; request: Request }
/** A batch in work: what is known of it, and what is to be done. */
type Work = {
  context: DatagramContext
  room: ReplyRoom
  ids: BatchConnectionIds
  nowS: number
  replies: Datagram[]
  /** How many of the replies answer connects. */
  connects: number
  announces: Waiting<UdpAnnounceRequest>[]
  scrapes: Waiting<UdpScrapeRequest>[]
}

/**
 * Answers a batch of datagrams of one address family: what can be answered at once is sent before this returns, the
 * rest when the store has answered. The promise ends when all is sent; it never rejects.
 */
export function makeDatagramHandler(context: DatagramContext) {
  const { announcer, store, access, counters, measures = makeMeasures() } = context
  const { durations } = measures
  // What is written is sent before the next batch, or the next part of this one, is written.
  const room = makeReplyRoom()

  const answerAnnounces = async (
    waiting: Waiting<UdpAnnounceRequest>[],
    send: Send,
    startMs: number,
  ): Promise<void> => {
    const isV6 = isIpv6((waiting[0] as Waiting<UdpAnnounceRequest>).datagram.source)
    const kind = isV6 ? 'udp6_announces' : 'udp4_announces'
    const requests = waiting.map(({ datagram, request }) => toAnnounceRequest(request, datagram.source, context))
    const outcomes = await announcer(requests, isV6 ? PEERS_MAX_IPV6 : PEERS_MAX_IPV4)
    // Not before: those that were served, all less the refused, must never become fewer.
    counters[kind] += waiting.length
    for (const outcome of outcomes) {
      if (!outcome.ok) countRefused(counters, kind, outcome.cause)
      if (outcome.ok && outcome.waitS > 0) counters.early_announces += 1
    }
    send(
      waiting.map(({ datagram, request }, i) =>
        replyTo(datagram, writeOutcome(request.transactionId, outcomes[i] as AnnounceOutcome, room)),
      ),
    )
    durations.udp_announce.observe(secondsSince(startMs), waiting.length)
  }

  const answerScrapes = async (waiting: Waiting<UdpScrapeRequest>[], send: Send, startMs: number): Promise<void> => {
    const isV6 = isIpv6((waiting[0] as Waiting<UdpScrapeRequest>).datagram.source)
    const kind = isV6 ? 'udp6_scrapes' : 'udp4_scrapes'
    const sizes = waiting.map(({ request }) => request.infoHashes.length)
    const infoHashes = waiting.flatMap(({ request }) => request.infoHashes)
    // BEP 15's scrape can carry no passkey: of a private tracker it learns nothing.
    const answers = access?.('') === undefined ? await store.scrape(infoHashes) : infoHashes.map(() => NO_COUNTS)
    counters[kind] += waiting.length
    let at = 0
    send(
      waiting.map(({ datagram, request }, i) => {
        const own = answers.slice(at, at + (sizes[i] as number))
        at += sizes[i] as number
        const refusal = refusalIn(own)
        if (refusal !== undefined) countRefused(counters, kind, refusal)
        return replyTo(datagram, writeScrape(request.transactionId, own, refusal, room))
      }),
    )
    durations.udp_scrape.observe(secondsSince(startMs), waiting.length)
  }

  const { placeOf } = store
  const placeOfAnnounce = placeOf && (({ infoHash }: UdpAnnounceRequest) => placeOf(infoHash))
  // A scrape of several places waits for each of them, and nothing else for it.
  const placeOfScrape =
    placeOf &&
    ((request: UdpScrapeRequest) => {
      const [first, ...others] = new Set(request.infoHashes.map(placeOf))
      return others.length === 0 ? first : request
    })

  return async function handle(batch: readonly Datagram[], send: Send): Promise<void> {
    const startMs = performance.now()
    const nowS = context.nowS()
    const sources = batch.map((datagram) => datagram.source)
    const ids = context.connectionIds(sources, nowS)
    const work: Work = { context, room, ids, nowS, replies: [], connects: 0, announces: [], scrapes: [] }
    for (let i = 0; i < batch.length; i++) decide(work, batch[i] as Datagram, i)
    if (work.replies.length > 0) send(work.replies)
    measures.batches.datagrams.observe(batch.length)
    if (work.connects > 0) durations.udp_connect.observe(secondsSince(startMs), work.connects)
    await Promise.all([
      ...byPlace(work.announces, placeOfAnnounce).map((part) => answerAnnounces(part, send, startMs)),
      ...byPlace(work.scrapes, placeOfScrape).map((part) => answerScrapes(part, send, startMs)),
    ])
  }
}

/** What waits, parted by the place that answers it where there are several: what one is slow with holds up nothing of another. */
function byPlace<Request>(
  waiting: Waiting<Request>[],
  placeOf: ((request: Request) => unknown) | undefined,
): Waiting<Request>[][] {
  if (waiting.length === 0) return []
  return placeOf ? [...Map.groupBy(waiting, ({ request }) => placeOf(request)).values()] : [waiting]
}

/** Sends replies from where their datagrams came in. */
export type Send = (replies: Datagram[]) => void

/**
 * Decides what becomes of one datagram, the one with this number in its batch: every branch of the UDP protocol is here.
 * Its share of what is to be done is added to `work`.
 */
function decide(work: Work, datagram: Datagram, index: number): void {
  const { counters, errorBudget, isBanned, rates } = work.context
  if (isBanned?.(datagram.source)) {
    counters.udp_banned += 1
    return
  }
  const parsed = parseUdpRequest(datagram.payload)
  if (!parsed.ok) {
    ignore(counters, datagram)
    return
  }
  const request = parsed.value
  if (request.action === ACTION.connect) {
    if (rates?.admitsConnect(datagram.source, work.nowS) === false) {
      counters.udp_over_rate += 1
      return
    }
    counters[isIpv6(datagram.source) ? 'udp6_connections' : 'udp4_connections'] += 1
    work.connects += 1
    work.replies.push(replyTo(datagram, writeConnectReply(request.transactionId, work.ids.issue(index), work.room)))
    return
  }
  const standing = work.ids.check(index, request.connectionId)
  if (standing !== 'valid') {
    const message = standing === 'expired' ? 'connection id expired' : 'bad connection id'
    // Nobody has shown to be at this address: an error must be no longer than what was sent, nor come often.
    if (REPLY_HEAD_BYTES + message.length > datagram.payload.length || hasProxyHeader(datagram))
      ignore(counters, datagram)
    else if (errorBudget(datagram.source, standing, work.nowS)) refuse(work, datagram, request.transactionId, message)
    else counters.udp_errors_silenced += 1
    return
  }
  const requests = request.action === ACTION.scrape ? requestsOfScrape(request.infoHashes.length) : 1
  if (rates?.admits(datagram.source, work.nowS, requests) === false) {
    refuseOverRate(work, datagram, request)
    return
  }
  switch (request.action) {
    case ACTION.announce:
      if (request.port === 0 && request.event !== EVENT.stopped)
        refuse(work, datagram, request.transactionId, 'port must not be 0')
      else work.announces.push({ datagram, request })
      return
    case ACTION.scrape:
      work.scrapes.push({ datagram, request })
      return
    case ACTION.error:
      refuse(work, datagram, request.transactionId, request.reason)
      return
    default: {
      const missed: never = request
      throw new Error(`unhandled request ${String(missed)}`)
    }
  }
}

/**
 * Whether a datagram begins with a header of the PROXY protocol. Those of trusted proxies were taken off before: this one is
 * anybody's. What is shorter than a request is too short to tell.
 */
const hasProxyHeader = ({ payload }: Datagram): boolean =>
  payload.length >= REQUEST_HEAD_BYTES && readProxyHeader(payload) !== 'none'

function ignore(counters: Counters, datagram: Datagram): void {
  counters[hasProxyHeader(datagram) ? 'proxy_untrusted' : 'udp_ignored'] += 1
}

function refuse(work: Work, datagram: Datagram, transactionId: number, message: string): void {
  work.context.counters[isIpv6(datagram.source) ? 'udp6_errors' : 'udp4_errors'] += 1
  work.replies.push(replyTo(datagram, writeErrorReply(transactionId, message, work.room)))
}

/** Tells an address that it asks too much, once; then there is silence. */
function refuseOverRate(work: Work, datagram: Datagram, request: { action: number; transactionId: number }): void {
  const { counters, rates } = work.context
  const { source } = datagram
  if (request.action === ACTION.error || !rates?.isToBeTold(source, work.nowS)) {
    counters.udp_over_rate += 1
    return
  }
  const kind = request.action === ACTION.scrape ? 'scrapes' : 'announces'
  const name = `${isIpv6(source) ? 'udp6' : 'udp4'}_${kind}` as const
  counters[name] += 1
  countRefused(counters, name, 'over_rate')
  work.replies.push(replyTo(datagram, writeErrorReply(request.transactionId, OVER_RATE, work.room)))
}

const replyTo = (datagram: Datagram, payload: Buffer): Datagram => ({
  payload,
  source: datagram.source,
  via: datagram.via,
})

const toAnnounceRequest = (
  request: UdpAnnounceRequest,
  source: Endpoint,
  { mayNameAddress }: DatagramContext,
): AnnounceRequest => ({
  infoHash: request.infoHash,
  // BEP 15: a datagram of IPv6 has no room for an address, and what it says there is nothing.
  endpoint:
    request.ip !== 0 && !isIpv6(source) && mayNameAddress?.(source)
      ? ipv4Endpoint(request.ip, request.port)
      : withPort(source, request.port),
  sender: source,
  report: request.report,
  event: request.event,
  numwant: request.numwant,
  wantsPeerIds: false,
  passkey: request.urlData === '' ? '' : passkeyOf(request.urlData),
})

const writeOutcome = (transactionId: number, outcome: AnnounceOutcome, room: ReplyRoom): Buffer =>
  outcome.ok ? writeAnnounceReply(transactionId, outcome, room) : writeErrorReply(transactionId, outcome.reason, room)

/** BEP 15 has one error for a whole scrape: a part that is missing makes it an error. */
function writeScrape(
  transactionId: number,
  answers: readonly (Counts | Refusal)[],
  refusal: Refusal | undefined,
  room: ReplyRoom,
): Buffer {
  if (refusal !== undefined) return writeErrorReply(transactionId, refusalText(refusal), room)
  return writeScrapeReply(transactionId, answers as readonly Counts[], room)
}

const refusalIn = (answers: readonly (Counts | Refusal)[]): Refusal | undefined =>
  answers.find((answer) => typeof answer === 'string')
