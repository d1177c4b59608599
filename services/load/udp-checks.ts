import { ACTION } from '../../lib/wire/udp-request.ts'
import { endpointProblem } from './endpoint-check.ts'
import type { LoadPeer } from './shape.ts'
import { countAnswer, countError, countWrong, KIND, type Kind, type Tally } from './tally.ts'

const HEAD_BYTES = 8
const CONNECT_BYTES = 16
const ANNOUNCE_HEAD_BYTES = 20
const SCRAPE_ENTRY_BYTES = 12

/** What a request asked for, as far as its answer must fit to it. */
export type Asked = {
  kind: Kind
  isStopped: boolean
  numwant: number
  /** One peer of each torrent that a scrape names, in its order. */
  scraped: readonly Pick<LoadPeer, 'isCounted'>[]
  endpointBytes: number
}

const ACTION_OF = [ACTION.connect, ACTION.announce, ACTION.scrape] as const

/**
 * Counts the answer to a request, and what is wrong with it; answers whether it is an error. Read where it was received,
 * by offset: `parseUdpReply` makes objects and views that a load would throw away at once.
 */
export function countUdpReply(tally: Tally, reply: Buffer, asked: Asked): boolean {
  const action = reply.readUInt32BE(0)
  if (action === ACTION.error) {
    countError(tally, reply.toString('utf8', HEAD_BYTES))
    return true
  }
  const problem = action === ACTION_OF[asked.kind] ? problemOf(tally, reply, asked) : 'another action than asked for'
  if (problem === undefined) countAnswer(tally, asked.kind)
  else countWrong(tally, problem)
  return false
}

function problemOf(tally: Tally, reply: Buffer, asked: Asked): string | undefined {
  switch (asked.kind) {
    case KIND.connect:
      return reply.length === CONNECT_BYTES ? undefined : 'a connect reply that is not 16 bytes'
    case KIND.scrape:
      return scrapeProblem(tally, reply, asked)
    case KIND.announce:
      return announceProblem(tally, reply, asked)
    default: {
      const missed: never = asked.kind
      throw new Error(`unhandled kind ${String(missed)}`)
    }
  }
}

function scrapeProblem(tally: Tally, reply: Buffer, { scraped }: Asked): string | undefined {
  if (reply.length !== HEAD_BYTES + scraped.length * SCRAPE_ENTRY_BYTES)
    return 'a scrape reply with more or fewer torrents than asked for'
  for (const [i, { isCounted }] of scraped.entries()) {
    const at = HEAD_BYTES + i * SCRAPE_ENTRY_BYTES
    const isEmpty = reply.readUInt32BE(at) === 0 && reply.readUInt32BE(at + 4) === 0 && reply.readUInt32BE(at + 8) === 0
    if (isCounted && isEmpty) tally.emptyScrapes += 1
  }
  return undefined
}

function announceProblem(tally: Tally, reply: Buffer, asked: Asked): string | undefined {
  const peerBytes = reply.length - ANNOUNCE_HEAD_BYTES
  if (peerBytes < 0) return 'an announce reply shorter than 20 bytes'
  if (peerBytes % asked.endpointBytes !== 0) return 'peers that do not fill whole endpoints'
  if (reply.readUInt32BE(8) === 0) return 'interval 0'
  const problem = endpointProblem(reply, ANNOUNCE_HEAD_BYTES, asked.endpointBytes)
  if (problem !== undefined) return problem
  const peers = peerBytes / asked.endpointBytes
  tally.peersTold += peers
  if (peers > asked.numwant) tally.overlong += 1
  if (!asked.isStopped && reply.readUInt32BE(12) === 0 && reply.readUInt32BE(16) === 0) tally.uncounted += 1
  return undefined
}
