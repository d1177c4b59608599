import Type from 'typebox'
import type { ApiApp } from '../context.ts'
import { ApiError, ERROR_REPLIES } from '../errors.ts'
import { infoHashOf } from '../info-hash.ts'
import type { V2Context } from './context.ts'
import { AfterHash, LIMIT_DEFAULT, Limit, Next, Torrent, TorrentPath, torrentBody } from './schemas.ts'
import { readSwarm } from './swarm.ts'

const ListQuery = Type.Object({
  after: AfterHash,
  limit: Limit,
  prefix: Type.Optional(
    Type.String({
      pattern: '^[0-9a-fA-F]{0,40}$',
      title: '0 to 40 hex digits',
      description: 'Only torrents whose info hash begins with this.',
    }),
  ),
  min_peers: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1, default: 0, description: 'Only torrents with so many peers.' }),
  ),
})

/** `GET /api/v2/torrents` and `GET /api/v2/torrents/:info_hash`. */
export function registerTorrents(app: ApiApp, { torrents, reader }: V2Context): void {
  const listSchema = {
    summary: 'Torrents in the order of their info hashes',
    description:
      'The next page is asked for with `after` = `next`. With `min_peers`, a page may have fewer torrents than `limit`, or none, before the last one.',
    querystring: ListQuery,
    response: { 200: Type.Object({ torrents: Type.Array(Torrent), next: Next('after') }), ...ERROR_REPLIES },
  }
  app.get('/api/v2/torrents', { schema: listSchema }, async ({ query }) => {
    const { after, limit = LIMIT_DEFAULT, prefix, min_peers: minPeers } = query
    const lower = { after: after?.toLowerCase(), prefix: prefix?.toLowerCase() }
    const page = await torrents.after({ ...lower, limit, minPeers })
    return { torrents: page.torrents.map(torrentBody), next: page.next ?? null }
  })

  const OneTorrent = Type.Object({
    ...Torrent.properties,
    added_at: Type.Integer({ description: 'When it was first announced; seconds since the epoch.' }),
  })
  const oneSchema = {
    summary: 'One torrent',
    params: TorrentPath,
    response: { 200: OneTorrent, ...ERROR_REPLIES },
  }
  app.get('/api/v2/torrents/:info_hash', { schema: oneSchema }, async ({ params }) => {
    const infoHash = infoHashOf(params.info_hash)
    const hex = infoHash.toString('hex')
    const swarm = await readSwarm(hex, () => reader.swarm(infoHash, 0))
    if (!Number.isSafeInteger(swarm.addedS))
      throw new ApiError(500, 'store_damaged', `what Redis has of ${hex} is damaged`)
    return { ...torrentBody({ hex, ...swarm }), added_at: swarm.addedS }
  })
}
