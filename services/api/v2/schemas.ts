import Type, { type Static, type TSchema } from 'typebox'
import type { ListedTorrent } from '../../../lib/store/walk.ts'

/** Torrents and peers on a page at most, and where nothing is said. */
const LIMIT_MAX = 1000
/** As many where nothing is said. */
export const LIMIT_DEFAULT = 100

/** `?limit=`. */
export const Limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT, description: 'How many on this page.' }),
)

/** An info hash as it is answered. */
export const InfoHashText = Type.String({ pattern: '^[0-9a-f]{40}$', description: '40 hex digits.' })

/** The path of one torrent. */
export const TorrentPath = Type.Object({ info_hash: Type.String({ description: '40 hex digits of either case.' }) })

/** A torrent and its counts. */
export const Torrent = Type.Object({
  info_hash: InfoHashText,
  seeders: Type.Integer({ minimum: 0 }),
  leechers: Type.Integer({ minimum: 0 }),
  completed: Type.Integer({ minimum: 0, description: 'How many peers completed the download.' }),
})

/** A torrent as it is answered. */
export const torrentBody = ({ hex, seeders, leechers, completed }: ListedTorrent): Static<typeof Torrent> => ({
  info_hash: hex,
  seeders,
  leechers,
  completed,
})

/** Something or nothing. */
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** Where the next page begins. */
export const Next = (parameter: string) =>
  Nullable(Type.String({ description: `What \`${parameter}\` is on the next page; null on the last.` }))

/** `?after=` of a listing in the order of info hashes. */
export const AfterHash = Type.Optional(
  Type.String({
    pattern: '^[0-9a-fA-F]{40}$',
    title: '40 hex digits',
    description: 'Only torrents after this info hash.',
  }),
)
