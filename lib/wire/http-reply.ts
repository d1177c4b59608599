import bencode from 'bencode'
import type { Counts } from './counts.ts'
import { addressText, type Endpoint, isIpv6, portOf } from './endpoint.ts'
import { type InfoHash, PEER_ID_BYTES } from './info-hash.ts'

/** What an HTTP announce is answered, before it is written. */
export type HttpAnnounceReply = Counts & {
  intervalS: number
  minIntervalS: number
  /** Endpoints of the client's family, each followed by its 20 bytes of peer id where `withPeerIds`. */
  peers: Buffer
  withPeerIds: boolean
  /** The client's own endpoint, for `external ip` (BEP 24). */
  client: Endpoint
  /** BEP 3's `warning message`, in ASCII. */
  warning?: string | undefined
}

/**
 * A compact announce reply (BEP 23, BEP 7, BEP 24): IPv4 peers in `peers`, IPv6 peers in `peers6`. Written here, since
 * `bencode` is four times slower and this is the hot path; keys in order, as BEP 3 asks.
 */
export function writeCompactAnnounceReply(reply: HttpAnnounceReply): Buffer {
  const { client, peers, warning } = reply
  const address = client.subarray(0, client.length - 2)
  const ownIsIpv6 = isIpv6(client)
  const head = `d8:completei${reply.seeders}e10:downloadedi${reply.completed}e11:external ip${address.length}:`
  const intervals = `8:intervali${reply.intervalS}e12:min intervali${reply.minIntervalS}e`
  const middle = `10:incompletei${reply.leechers}e${intervals}5:peers${ownIsIpv6 ? '0:6:peers6' : ''}${peers.length}:`
  const end = warning === undefined ? 'e' : `15:warning message${warning.length}:${warning}e`
  const bytes = Buffer.allocUnsafe(head.length + address.length + middle.length + peers.length + end.length)
  let at = bytes.write(head, 0, 'latin1')
  at += address.copy(bytes, at)
  at += bytes.write(middle, at, 'latin1')
  at += peers.copy(bytes, at)
  bytes.write(end, at, 'latin1')
  return bytes
}

/** An announce reply with a list of dictionaries (BEP 3), for clients that ask for `compact=0`. */
export function writeDictionaryAnnounceReply(reply: HttpAnnounceReply): Buffer {
  return encode({
    complete: reply.seeders,
    downloaded: reply.completed,
    'external ip': reply.client.subarray(0, reply.client.length - 2),
    incomplete: reply.leechers,
    interval: reply.intervalS,
    'min interval': reply.minIntervalS,
    peers: peerDictionaries(reply),
    ...(reply.warning !== undefined && { 'warning message': reply.warning }),
  })
}

function peerDictionaries({ client, peers, withPeerIds }: HttpAnnounceReply): object[] {
  const width = client.length + (withPeerIds ? PEER_ID_BYTES : 0)
  const dictionaries: object[] = []
  for (let at = 0; at + width <= peers.length; at += width) {
    const endpoint = peers.subarray(at, at + client.length) as Endpoint
    const place = { ip: addressText(endpoint), port: portOf(endpoint) }
    const peerId = peers.subarray(at + client.length, at + width)
    dictionaries.push(withPeerIds ? { ...place, 'peer id': peerId } : place)
  }
  return dictionaries
}

/**
 * A failure (BEP 3), with `retry in` minutes (BEP 31) where the client may try again then. BEP 31's `never` is not for us:
 * a torrent that is not listed now may be listed any minute.
 */
export function writeFailure(reason: string, retryIn?: number): Buffer {
  return encode(
    retryIn === undefined ? { 'failure reason': reason } : { 'failure reason': reason, 'retry in': retryIn },
  )
}

const encode = (value: object): Buffer => Buffer.from(bencode.encode(value))

/**
 * A scrape reply (BEP 48), the swarms in the order of their info hashes, each once. Written here: `bencode` orders keys
 * that are bytes wrongly and makes UTF-8 of them.
 */
export function writeHttpScrapeReply(infoHashes: readonly InfoHash[], counts: readonly Counts[]): Buffer {
  const order = infoHashes.map((infoHash, i) => ({ infoHash, counts: counts[i] }))
  order.sort((a, b) => Buffer.compare(a.infoHash, b.infoHash))
  const parts: Buffer[] = [Buffer.from('d5:filesd')]
  let last: InfoHash | undefined
  for (const { infoHash, counts: swarm } of order) {
    if (!swarm || last?.equals(infoHash)) continue
    last = infoHash
    const { seeders, completed, leechers } = swarm
    const entry = `d8:completei${seeders}e10:downloadedi${completed}e10:incompletei${leechers}ee`
    parts.push(Buffer.from('20:'), infoHash, Buffer.from(entry))
  }
  parts.push(Buffer.from('ee'))
  return Buffer.concat(parts)
}
