import { Client, type Dispatcher } from 'undici'
import { EVENT, type Event, readReport, reportsSeeder } from '../../lib/wire/announce.ts'
import { portOf } from '../../lib/wire/endpoint.ts'
import { encodeBytes } from '../../lib/wire/query.ts'
import { type AskedByHttp, countHttpReply } from './http-checks.ts'
import { FILL_TRIES_MAX, type LoaderParts } from './loader.ts'
import { type Place, pickPeer, pickTorrents } from './plan.ts'
import { type LoadPeer, nextEvent } from './shape.ts'
import { KIND } from './tally.ts'

/** How long a connection may stay unused; a load uses each all the time. */
const KEEP_ALIVE_MS = 60_000
/** How long an answer may take: TCP itself sends again what is lost, so that late is not lost yet. */
const ANSWER_MS_MAX = 10_000
/** The pause of a connection after an error: a thousand that try again at once would only be refused faster. */
const ERROR_PAUSE_MS = 250

const EVENT_TEXT: Record<Event, string> = {
  [EVENT.none]: '',
  [EVENT.completed]: '&event=completed',
  [EVENT.started]: '&event=started',
  [EVENT.stopped]: '&event=stopped',
}

/** One connection: one request is under way on it at a time, with a handler that serves them all. */
export type HttpConnection = {
  /** Announces a peer as `started`, again where that is lost or refused. */
  askFill: (peer: LoadPeer, nowMs: number) => void
  askLoad: (dueMs: number, nowMs: number) => void
  isUnderWay: () => boolean
  place: Place
  close: () => Promise<void>
}

/** A connection from an address; `onFree` is called when it has its answer, or none will come. */
export function makeConnection(
  { target, plan, options, tally, latencies }: LoaderParts,
  place: Place,
  origin: string,
  onFree: (connection: HttpConnection) => void,
): HttpConnection {
  const client = new Client(origin, {
    ...(target.isLoopback && { localAddress: place.address }),
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: ANSWER_MS_MAX,
    bodyTimeout: ANSWER_MS_MAX,
  })
  const { random } = plan
  const asked: AskedByHttp = { kind: KIND.announce, isStopped: false, numwant: options.numwant, scraped: [] }
  const tail = `&compact=1&numwant=${options.numwant}`
  let announced: LoadPeer | undefined
  /** How often the announce is made again if it is lost or refused: of a fill alone. */
  let triesLeft = 0
  let isUnderWay = false
  let dueMs = 0
  /** Whether the connection has answered, as far as is known. */
  let hasServed = false
  let path = ''
  let status = 0
  let body: Buffer | undefined

  const handler: Dispatcher.DispatchHandler = {
    onResponseStart(_, code) {
      status = code
      body = undefined
    },
    onResponseData(_, chunk) {
      body = body ? Buffer.concat([body, chunk]) : chunk
    },
    onResponseEnd() {
      isUnderWay = false
      hasServed = true
      const isRefused = countHttpReply(tally, status, body ?? Buffer.alloc(0), asked)
      latencies.record(performance.now() - dueMs)
      if (announced && !isRefused) announced.isCounted = !asked.isStopped
      if (isRefused) endFailed()
      else onFree(self)
    },
    onResponseError(_, error) {
      if (hasServed && status === 0 && isClosed(error)) {
        // RFC 9112, 9.3.1: a server may close a connection that it keeps at any time; who asked meanwhile asks again.
        hasServed = false
        // undici holds that what failed has left nothing to do: not before it is done with that.
        setImmediate(() => client.dispatch({ path, method: 'GET' }, handler))
        return
      }
      isUnderWay = false
      tally.lost += 1
      setTimeout(endFailed, ERROR_PAUSE_MS)
    },
    onRequestStart() {},
  }

  const ask = (target: string, due: number): void => {
    path = target
    status = 0
    dueMs = due
    isUnderWay = true
    client.dispatch({ path, method: 'GET' }, handler)
  }

  const announce = (peer: LoadPeer, event: Event, due: number): void => {
    asked.kind = KIND.announce
    asked.isStopped = event === EVENT.stopped
    announced = peer
    const left = reportsSeeder(peer.report) ? '0' : '123456'
    ask(`${target.announcePath}${fixedPartOf(peer)}${left}${tail}${EVENT_TEXT[event]}`, due)
  }

  const scrape = (due: number): void => {
    const picked = pickTorrents(place.own, options.scrapeHashes, random)
    asked.kind = KIND.scrape
    asked.scraped = picked
    announced = undefined
    ask(target.scrapePath + picked.map(({ infoHash }) => `info_hash=${encodeBytes(infoHash)}`).join('&'), due)
  }

  const endFailed = (): void => {
    if (triesLeft > 0 && announced) {
      triesLeft -= 1
      announce(announced, EVENT.started, performance.now())
    } else {
      onFree(self)
    }
  }

  const self: HttpConnection = {
    place,
    isUnderWay: () => isUnderWay,
    askFill(peer, nowMs) {
      triesLeft = FILL_TRIES_MAX - 1
      announce(peer, EVENT.started, nowMs)
    },
    askLoad(due) {
      triesLeft = 0
      if (plan.pickKind() === KIND.scrape) return scrape(due)
      const peer = pickPeer(place.own, random)
      announce(peer, nextEvent(peer, random), due)
    },
    close: () => client.destroy(),
  }
  return self
}

const isClosed = (error: Error): boolean =>
  ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')

const fixedParts = new WeakMap<LoadPeer, string>()

/** What a peer's every announce begins with, made once: to escape 40 bytes costs more than to send them. */
function fixedPartOf(peer: LoadPeer): string {
  const known = fixedParts.get(peer)
  if (known !== undefined) return known
  const { peerId, downloaded, uploaded } = readReport(peer.report)
  const ids = `info_hash=${encodeBytes(peer.infoHash)}&peer_id=${encodeBytes(peerId)}`
  const made = `${ids}&port=${portOf(peer.endpoint)}&uploaded=${uploaded}&downloaded=${downloaded}&left=`
  fixedParts.set(peer, made)
  return made
}
