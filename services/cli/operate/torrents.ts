import { OperatorError } from '../../../lib/errors.ts'
import { jsonLine, shown, tableOf } from '../../../lib/observe/table.ts'
import { makeListing } from '../../../lib/store/listing.ts'
import { makeRankedListing } from '../../../lib/store/ranked.ts'
import { RANKED_BY, type RankedBy } from '../../../lib/store/ranks.ts'
import type { ListedTorrent } from '../../../lib/store/walk.ts'
import { readHash, readNumber } from '../given.ts'
import { EXIT, print, runOnRedis, type Target } from '../redis.ts'
import { ageText, textOf } from '../text.ts'
import { readNowS } from './state.ts'

/** Options of the list of torrents. */
export type TorrentsOptions = { by?: string; limit: string; after?: string; json?: boolean }

/** As many as a ranking has. */
const LIMIT_MAX = 10_000

/** Torrents in order, with what is to be said of the list. */
type List = { torrents: ListedTorrent[]; next: string | undefined; about: Record<string, unknown>; note: string }

/** Prints torrents in the order of their info hashes, or the best by a count; answers the exit code. */
export const printTorrents = (options: TorrentsOptions): Promise<number> =>
  runOnRedis('read', async (target) => {
    const limit = readNumber('--limit', options.limit, 1, LIMIT_MAX)
    const by = RANKED_BY.find((each) => each === options.by)
    if (by && options.after !== undefined)
      throw new OperatorError('--after goes on in the order of info hashes: it cannot be with --by')
    const list = by
      ? await rankedList(target, by, limit)
      : await orderedList(
          target,
          limit,
          options.after === undefined ? undefined : readHash(options.after).toString('hex'),
        )
    await print(options.json ? jsonLine(bodyOf(list)) : textFor(list))
    return EXIT.done
  })

async function orderedList(target: Target, limit: number, after: string | undefined): Promise<List> {
  const torrents: ListedTorrent[] = []
  const { after: pageAfter } = makeListing(target)
  let next = after
  do {
    const page = await pageAfter({ limit: limit - torrents.length, ...(next !== undefined && { after: next }) })
    torrents.push(...page.torrents)
    next = page.next
  } while (torrents.length < limit && next !== undefined)
  return { torrents, next, about: {}, note: next === undefined ? '' : `  more come: --after ${next}\n` }
}

async function rankedList(target: Target, by: RankedBy, limit: number): Promise<List> {
  const { madeMs, total, torrents } = await makeRankedListing(target)({ by, order: 'desc', limit })
  const ageS = madeMs === undefined ? undefined : (await readNowS(target.redis)) - madeMs / 1000
  const note =
    ageS === undefined
      ? '  there is no ranking yet: a sweeper makes one every 5 minutes\n'
      : `  ranked ${ageText(ageS)} ago by ${by}, of ${shown(total)} ranked; the counts are those of now\n`
  const about = { by, made_at: madeMs === undefined ? null : Math.floor(madeMs / 1000), ranked: total }
  return { torrents, next: undefined, about, note }
}

const bodyOf = ({ torrents, next, about }: List) => ({
  ...about,
  torrents: torrents.map(({ hex, seeders, leechers, completed }) => ({
    info_hash: hex,
    ...{ seeders, leechers, completed },
  })),
  next: next ?? null,
})

function textFor({ torrents, note }: List): string {
  if (torrents.length === 0) return note || '  no torrents\n'
  const rows = torrents.map(({ hex, seeders, leechers, completed }) => [
    hex,
    ...[seeders, leechers, completed].map(shown),
  ])
  return textOf(tableOf(['info hash', 'seeders', 'leechers', 'completed'], rows)) + note
}
