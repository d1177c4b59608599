import { NotOffered, type Protocol, type Way } from './case.ts'
import { type Announcer, shownAnswer } from './client/answer.ts'
import { HttpPeer, parametersOf } from './client/http.ts'
import { EVENTS, UdpPeer } from './client/udp.ts'
import type { Setups, Subject } from './subject.ts'

/** Where a peer of a case stands. */
export type Position = {
  family?: 4 | 6
  /** Which of the tracker's frontends it asks. */
  frontend?: number
  /** Its own address. */
  from?: string
  /** Another tracker than the one that the cases are run on. */
  at?: Subject
  /** What comes after /announce in the tracker's URL, over HTTP. */
  key?: string
}

/** One run of a case: peers of the tracker, and info hashes of its own. All that it opened is closed at its end. */
export class Scene implements AsyncDisposable {
  readonly subject: Subject
  readonly hash: (n?: number) => Buffer
  readonly way: Way | undefined
  readonly #opened: (() => unknown)[] = []

  constructor(subject: Subject, hash: (n?: number) => Buffer, way: Way | undefined) {
    this.subject = subject
    this.hash = hash
    this.way = way
  }

  /** A UDP peer that has nothing said yet. */
  async udpSocket({ family = 4, frontend = 0, from, at = this.subject }: Position = {}): Promise<UdpPeer> {
    const place = frontendOf(at, frontend)[`udp${family}`]
    if (!place) throw new NotOffered(`UDP over IPv${family}`)
    if (from !== undefined && !place.host.startsWith('127.')) throw new NotOffered('a tracker on the loopback')
    const peer = await UdpPeer.open(place, from)
    this.#opened.push(() => peer.close())
    return peer
  }

  /** A UDP peer with a connection id. */
  async udp(position: Position = {}): Promise<UdpPeer> {
    const peer = await this.udpSocket(position)
    await peer.connect()
    return peer
  }

  http({ family = 4, frontend = 0, from, at = this.subject, key }: Position = {}): HttpPeer {
    const place = frontendOf(at, frontend)[`http${family}`]
    if (!place) throw new NotOffered(`HTTP over IPv${family}`)
    if (from !== undefined && !place.host.startsWith('127.')) throw new NotOffered('a tracker on the loopback')
    return new HttpPeer(key === undefined ? place : { ...place, announcePath: `${place.announcePath}/${key}` }, from)
  }

  /** A peer over a protocol. */
  async announcer(protocol: Protocol, position: Position = {}): Promise<Announcer> {
    return protocol === 'udp' ? overUdp(await this.udp(position)) : overHttp(this.http(position))
  }

  /** Who takes the first step of a state case, by the way that it is run. */
  first(position: Position = {}): Promise<Announcer> {
    const { first, family } = this.#way()
    return this.announcer(first, { family, ...position })
  }

  /** Who takes the second. */
  second(position: Position = {}): Promise<Announcer> {
    const { second, family, crosses } = this.#way()
    return this.announcer(second, { family, frontend: crosses ? 1 : 0, ...position })
  }

  #way(): Way {
    if (!this.way) throw new Error('this case is run in no particular way')
    return this.way
  }

  /** A tracker of the case's own. */
  async setUp<Name extends keyof Setups>(name: Name): Promise<Setups[Name]> {
    const start = this.subject.setups[name]
    if (!start) throw new NotOffered(name)
    const setup = await start()
    this.#opened.push(() => setup.stop())
    return setup
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#opened.reverse()) await close()
  }
}

function frontendOf(subject: Subject, index: number) {
  const frontend = subject.frontends[index]
  if (!frontend) throw new NotOffered('a second frontend')
  return frontend
}

/** An answer of an announcer's in a few words. */
export const tell = async (announcer: Announcer, announce: Parameters<Announcer['announce']>[0]): Promise<string> =>
  shownAnswer(await announcer.announce(announce), announce.port)

const overUdp = (peer: UdpPeer): Announcer => ({
  announce: ({ left, event = 'none', ...rest }) =>
    peer.announce({
      ...rest,
      event: EVENTS[event as keyof typeof EVENTS],
      ...(left !== undefined && { left: BigInt(left) }),
    }),
  scrape: (infoHash) => peer.scrape(infoHash),
})

const overHttp = (peer: HttpPeer): Announcer => ({
  announce: (announce) => peer.announce(parametersOf(announce)),
  scrape: (infoHash) => peer.scrape(infoHash),
})
