/** What a peer announces. */
export type Announce = {
  infoHash: Buffer
  port: number
  left?: number
  event?: 'started' | 'completed' | 'stopped'
  numwant?: number
  peerId?: string
}

/** What it is answered, over whichever protocol. */
export type Answer = {
  seeders: number | undefined
  leechers: number | undefined
  /** Other peers, as address and port; its own endpoint may be among them. */
  peers: string[]
  intervalS: number | undefined
}

/** A peer of a tracker, over one protocol. */
export type Announcer = {
  announce: (announce: Announce) => Promise<Answer>
  /** seeders/leechers/completed */
  scrape: (infoHash: Buffer) => Promise<string>
}

export const PEER_ID = '-RS0001-abcdefghijkl'
/** What a leecher still has to download, and more than any peer has: a client that does not know says all ones. */
export const LEFT_OF_LEECHER = 1000

/** The port of a peer that is named by its address and port. */
export const portOf = (peer: string): number => Number(peer.slice(peer.lastIndexOf(':') + 1))

/**
 * An answer in a few words: `1/2 sees 7001 7002` are a seeder, two leechers, and the ports of the peers that were told.
 * The asker itself is left out: whether it may be told of itself is a case of its own.
 */
export function shownAnswer({ seeders, leechers, peers }: Answer, ownPort: number): string {
  const ports = peers.map(portOf).filter((port) => port !== ownPort)
  const told = ports.length > 5 ? `${ports.length} peers` : ports.sort((a, b) => a - b).join(' ') || 'nobody'
  return `${seeders ?? '?'}/${leechers ?? '?'} sees ${told}`
}

/** What came where a refusal should have come: of an answer, only that it is one. */
export const shownRefusal = (told: string): string => (told.includes(' sees ') ? 'taken' : told)

/** The peers of a compact list (BEP 23, BEP 7). */
export function readPeers(bytes: Buffer, family: 4 | 6): string[] {
  const width = family === 4 ? 6 : 18
  return Array.from({ length: Math.floor(bytes.length / width) }, (_, i) => {
    const peer = bytes.subarray(i * width, (i + 1) * width)
    const address =
      family === 4 ? peer.subarray(0, 4).join('.') : `[${peer.toString('hex', 0, 16).match(/..../g)?.join(':')}]`
    return `${address}:${peer.readUInt16BE(width - 2)}`
  })
}
