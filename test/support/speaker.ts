import { onTestFinished } from 'vitest'
import { EVENT, type Event, makeReport } from '../../lib/wire/announce.ts'
import { encodeBytes } from '../../lib/wire/query.ts'
import { announceTarget, decode, get, type HttpAnnounceAnswer } from './http-client.ts'
import { hashOf } from './store.ts'
import type { TestTracker } from './tracker.ts'
import { UdpClient } from './udp-client.ts'

/** What all announce as theirs, over whichever protocol: they are one peer. */
const PORT = 6881

/** What a client says that it has moved in all. */
export type Moved = { uploaded?: number; downloaded?: number; event?: keyof typeof EVENT; left?: number; hash?: string }
/** Announces with the end of a tracker's URL; answers `ok`, or why not. */
export type Speaker = (path: string, moved?: Moved) => Promise<string>

/** A client over HTTP. */
export const overHttp =
  ({ httpUrl }: TestTracker): Speaker =>
  async (path, { event = 'none', hash = 'a', uploaded = 0, downloaded = 0, left = 1000 } = {}) => {
    const amounts = { uploaded, downloaded, left, ...(event !== 'none' && { event }) }
    const target = announceTarget({ info_hash: encodeBytes(hashOf(hash)), port: PORT, ...amounts })
    const { status, body } = await get(httpUrl + target.replace('/announce', path))
    if (status !== 200) return `HTTP ${status}`
    return (decode(body) as HttpAnnounceAnswer)['failure reason'] ?? 'ok'
  }

/** A client over UDP, with the end of the URL in as many options as is said (BEP 41). */
export const overUdp =
  (client: UdpClient, options = 1): Speaker =>
  async (path, { event = 'none', hash = 'a', uploaded = 0, downloaded = 0, left = 1000 } = {}) => {
    const amounts = [BigInt(downloaded), BigInt(left), BigInt(uploaded)] as const
    const request = client.announceRequest({
      infoHash: hashOf(hash),
      report: makeReport(Buffer.from('-RS0001-abcdefghijkl'), ...amounts),
      event: EVENT[event] as Event,
      port: PORT,
    })
    const reply = await client.ask(Buffer.concat([request, ...urlData(path, options)]))
    return 'message' in reply ? reply.message : 'ok'
  }

function urlData(path: string, options: number): Buffer[] {
  const bytes = Buffer.from(path)
  const width = Math.ceil(bytes.length / options)
  return Array.from({ length: options }, (_, i) => {
    const piece = bytes.subarray(i * width, (i + 1) * width)
    return Buffer.concat([Buffer.from([2, piece.length]), piece])
  })
}

/** A client of a tracker over each protocol, by the name that a test tells it by. */
export async function speakersOf(tracker: TestTracker): Promise<[name: string, speak: Speaker][]> {
  const client = await connected(tracker)
  return [
    ['HTTP', overHttp(tracker)],
    ['UDP', overUdp(client)],
    ['UDP, two options', overUdp(client, 2)],
  ]
}

/** A UDP client with a connection id; it is closed when the test ends. */
export async function connected({ udpPort }: TestTracker): Promise<UdpClient> {
  const client = await UdpClient.open(udpPort)
  onTestFinished(() => client.close())
  await client.connect()
  return client
}
