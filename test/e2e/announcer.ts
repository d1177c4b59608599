import { randomBytes } from 'node:crypto'
import type { BittorrentTracker, ScrapedHashes, TrackerClient } from '../support/bittorrent-tracker/types.ts'
import type { Counts, Protocol } from './tracker.ts'

/** The reply to one announce. */
export interface Reply {
  readonly complete: number
  readonly incomplete: number
  /** `address:port` of each peer. */
  readonly peers: readonly string[]
}

type Event = 'start' | 'update' | 'complete' | 'stop'

/** A peer that only talks to the tracker, by npm's bittorrent-tracker. It has no address of its own: all are 127.0.0.1. */
export interface Announcer extends AsyncDisposable {
  readonly port: number
  announce(event: Event, left: number): Promise<Reply>
}

export function makeAnnouncer(library: BittorrentTracker, announce: string, infoHash: Buffer, port: number): Announcer {
  const client = new library.Client({ infoHash, peerId: randomBytes(20), announce, port })
  return {
    port,
    announce: (event, left) => replyTo(client, () => client[event]({ left })),
    [Symbol.asyncDispose]: () => new Promise((resolve) => client.destroy(() => resolve())),
  }
}

/** Asks for the counts of several torrents in one request; answers by info hash, in hex. */
export function scrapeMany(
  library: BittorrentTracker,
  announce: string,
  over: Protocol,
  infoHashes: readonly Buffer[],
): Promise<Record<string, Counts>> {
  const infoHash: ScrapedHashes = over === 'udp' ? infoHashes : infoHashes.map((hash) => hash.toString('hex'))
  return new Promise((resolve, reject) => {
    library.Client.scrape({ infoHash, announce }, (error, counts) =>
      error ? reject(error) : resolve(counts as Record<string, Counts>),
    )
  })
}

function replyTo(client: TrackerClient, ask: () => void): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const peers: string[] = []
    const addPeer = (peer: string) => peers.push(peer)
    client.once('warning', reject)
    client.on('peer', addPeer)
    client.once('update', ({ complete, incomplete }) => {
      client.off('warning', reject)
      // The library tells of the reply first, and of its peers right after.
      setImmediate(() => {
        client.off('peer', addPeer)
        resolve({ complete, incomplete, peers })
      })
    })
    ask()
  })
}
