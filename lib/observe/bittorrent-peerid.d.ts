declare module 'bittorrent-peerid' {
  /** The client that made a peer id; throws where it is not 20 bytes. */
  export default function bittorrentPeerid(peerId: Uint8Array): { client: string; version?: string }
}
