import Type, { type Static } from 'typebox'
import { clientOf } from '../../../lib/observe/client-name.ts'
import type { PeerPlace } from '../../../lib/store/peer-pages.ts'
import type { StoredPeer } from '../../../lib/store/stored-peers.ts'
import { EVENT, readReport } from '../../../lib/wire/announce.ts'
import { addressText, portOf } from '../../../lib/wire/endpoint.ts'
import type { ApiApp } from '../context.ts'
import { badField, ERROR_REPLIES } from '../errors.ts'
import { infoHashOf } from '../info-hash.ts'
import type { V2Context } from './context.ts'
import { LIMIT_DEFAULT, Limit, Next, Nullable, TorrentPath } from './schemas.ts'
import { readSwarm } from './swarm.ts'

const bytesOf = (what: string) => Nullable(Type.Integer({ description: `Bytes ${what}, as it says itself.` }))
const EVENT_NAMES = Object.keys(EVENT) as (keyof typeof EVENT)[]

const EventName = Type.Union([
  Type.Literal('none'),
  Type.Literal('completed'),
  Type.Literal('started'),
  Type.Literal('stopped'),
  Type.Null(),
])

/** A peer. */
export const PeerItem = Type.Object({
  address: Type.String(),
  port: Type.Integer(),
  is_seeder: Type.Boolean(),
  announced_at: Type.Integer({ description: 'Its last announce; seconds since the epoch.' }),
  peer_id: Nullable(Type.String({ description: '40 hex digits; null where no details are kept.' })),
  client: Nullable(Type.String({ description: 'The client that makes such peer ids.' })),
  uploaded: bytesOf('uploaded'),
  downloaded: bytesOf('downloaded'),
  left: bytesOf('that it still needs'),
  event: EventName,
})

/** `GET /api/v2/torrents/:info_hash/peers`. */
export function registerPeers(app: ApiApp, { peerPages }: V2Context): void {
  const schema = {
    summary: 'The peers of a torrent',
    description:
      'In the order of where they are stored. A peer that starts or ends seeding between two pages may be on both, or on none.',
    params: TorrentPath,
    querystring: Type.Object({
      after: Type.Optional(Type.String({ description: '`next` of the page before.' })),
      limit: Limit,
    }),
    response: { 200: Type.Object({ peers: Type.Array(PeerItem), next: Next('after') }), ...ERROR_REPLIES },
  }
  app.get('/api/v2/torrents/:info_hash/peers', { schema }, async ({ params, query }) => {
    const infoHash = infoHashOf(params.info_hash)
    const { limit = LIMIT_DEFAULT } = query
    const after = query.after === undefined ? undefined : readPlace(query.after)
    const page = await readSwarm(infoHash.toString('hex'), () => peerPages(infoHash, { limit, after }))
    return { peers: page.peers.map(peerBody), next: page.next ? placeText(page.next) : null }
  })
}

const placeText = ({ list, chunk, endpoint }: PeerPlace): string => `${list}.${chunk}.${endpoint}`

const PLACE = /^([0-3])\.(\d{1,5})\.([0-9a-f]{12}|[0-9a-f]{36})$/

function readPlace(text: string): PeerPlace {
  const [, list, chunk, endpoint] = PLACE.exec(text) ?? []
  if (endpoint === undefined) throw badField('after', '`next` of the page before', text)
  return { list: Number(list), chunk: Number(chunk), endpoint }
}

function peerBody({ endpoint, isSeeder, announcedS, details }: StoredPeer): Static<typeof PeerItem> {
  const report = details && readReport(details.report)
  return {
    address: addressText(endpoint),
    port: portOf(endpoint),
    is_seeder: isSeeder,
    announced_at: announcedS,
    peer_id: report ? report.peerId.toString('hex') : null,
    client: report ? clientOf(report.peerId) : null,
    uploaded: known(report?.uploaded),
    downloaded: known(report?.downloaded),
    left: known(report?.left),
    event: details ? (EVENT_NAMES.find((name) => EVENT[name] === details.event) ?? null) : null,
  }
}

/** What a client does not know is all ones on the wire; past 2^53 a number in JSON is not exact, and no client's truth. */
const known = (amount = 2n ** 64n): number | null => (amount <= Number.MAX_SAFE_INTEGER ? Number(amount) : null)
