import Type from 'typebox'
import type { ListedTorrent } from '../../lib/store/walk.ts'
import type { ApiApp, ApiContext } from './context.ts'
import { badField, ERROR_REPLIES } from './errors.ts'
import { infoHashOf } from './info-hash.ts'

/** Torrents in one answer, and where nothing is said: as Torrust's default. 0.4 MB of JSON. */
const LIMIT_MAX = 4000
/** As far as Torrust's offset goes. */
const OFFSET_MAX = 2 ** 32 - 1
/** Info hashes in one request: as many as fit a URL, about. */
const INFO_HASHES_MAX = 256

const Query = Type.Object({
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: OFFSET_MAX, default: 0 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_MAX })),
  info_hash: Type.Optional(Type.Array(Type.String())),
})
const Torrent = Type.Object({
  info_hash: Type.String(),
  seeders: Type.Integer(),
  completed: Type.Integer(),
  leechers: Type.Integer(),
})

/** `GET /api/v1/torrents`: a page of torrents in the order of their info hashes, or those asked for. */
export function registerTorrents(app: ApiApp, { listing }: ApiContext): void {
  const schema = {
    summary: 'Torrents in the order of their info hashes, or those that are asked for',
    querystring: Query,
    response: { 200: Type.Array(Torrent), ...ERROR_REPLIES },
  }
  app.get('/api/v1/torrents', { schema }, async ({ query }) => {
    const { offset = 0, limit = LIMIT_MAX, info_hash: hexes = [] } = query
    if (hexes.length > INFO_HASHES_MAX) {
      throw badField('info_hash', `given at most ${INFO_HASHES_MAX} times`, hexes.length)
    }
    const torrents =
      hexes.length > 0 ? await listing.counts(hexes.map(infoHashOf)) : await listing.page({ offset, limit })
    return torrents.map(torrentBody)
  })
}

const torrentBody = ({ hex, seeders, completed, leechers }: ListedTorrent) => ({
  info_hash: hex,
  seeders,
  completed,
  leechers,
})
