import bittorrentPeerid from 'bittorrent-peerid'

/** The client that made a peer id (BEP 20); null where it is unknown. */
export function clientOf(peerId: Buffer): string | null {
  try {
    const { client } = bittorrentPeerid(peerId)
    return client === 'unknown' ? null : client
  } catch {
    // The library throws on some peer ids that no client makes.
    return null
  }
}
