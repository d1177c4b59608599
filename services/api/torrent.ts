import Type from 'typebox'
import { clientOf } from '../../lib/observe/client-name.ts'
import type { StoredPeer } from '../../lib/store/stored-peers.ts'
import { type Event, readReport } from '../../lib/wire/announce.ts'
import { endpointText } from '../../lib/wire/endpoint.ts'
import type { ApiApp, ApiContext } from './context.ts'
import { ApiError, ERROR_REPLIES } from './errors.ts'
import { infoHashOf } from './info-hash.ts'

/** Peers in one answer at most: 0.3 MB of JSON. The counts tell how many there are. */
const PEERS_MAX = 1000

const Peer = Type.Object({
  peer_id: Type.Object({
    id: Type.Union([Type.String(), Type.Null()]),
    client: Type.Union([Type.String(), Type.Null()]),
  }),
  peer_addr: Type.String(),
  updated: Type.Integer(),
  updated_milliseconds_ago: Type.Integer(),
  uploaded: Type.Integer(),
  downloaded: Type.Integer(),
  left: Type.Integer(),
  event: Type.String(),
})
const TorrentReply = Type.Object({
  info_hash: Type.String(),
  seeders: Type.Integer(),
  completed: Type.Integer(),
  leechers: Type.Integer(),
  peers: Type.Array(Peer),
})

/** `GET /api/v1/torrent/:info_hash`: a torrent with its peers. */
export function registerTorrent(app: ApiApp, { reader }: ApiContext): void {
  const schema = {
    summary: 'A torrent with its peers',
    params: Type.Object({ info_hash: Type.String() }),
    response: { 200: TorrentReply, ...ERROR_REPLIES },
  }
  app.get('/api/v1/torrent/:info_hash', { schema }, async (request) => {
    const text = request.params.info_hash
    const infoHash = infoHashOf(text)
    const swarm = await reader.swarm(infoHash, PEERS_MAX).catch((error: Error) => {
      throw isDamage(error) ? new ApiError(500, 'store_damaged', `what Redis has of ${text} is damaged`) : error
    })
    if (!swarm) throw new ApiError(404, 'not_found', 'torrent not known')
    const { seeders, completed, leechers } = swarm
    return { info_hash: infoHash.toString('hex'), seeders, completed, leechers, peers: swarm.peers.map(peerBody) }
  })
}

/** Where bytes are missing, reading throws a RangeError. */
const isDamage = (error: Error): boolean => error instanceof RangeError || error.message.startsWith('damaged')

const EVENT_NAMES: Record<Event, string> = { 0: 'None', 1: 'Completed', 2: 'Started', 3: 'Stopped' }

/** A peer in Torrust's shape; both of its times are milliseconds since the epoch. */
function peerBody({ endpoint, isSeeder, announcedS, details }: StoredPeer) {
  const updated = announcedS * 1000
  const report = details && readReport(details.report)
  return {
    peer_id: {
      id: report ? `0x${report.peerId.toString('hex')}` : null,
      client: report ? clientOf(report.peerId) : null,
    },
    peer_addr: endpointText(endpoint),
    updated,
    updated_milliseconds_ago: updated,
    uploaded: signed(report?.uploaded),
    downloaded: signed(report?.downloaded),
    left: report ? signed(report.left) : Number(!isSeeder),
    event: EVENT_NAMES[details?.event ?? 0],
  }
}

/** Torrust's numbers are signed: what a client does not know, all ones on the wire, is -1. */
const signed = (amount = 0n): number => Number(BigInt.asIntN(64, amount))
