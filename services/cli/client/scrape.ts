import { OperatorError } from '../../../lib/errors.ts'
import { jsonLine, shown, tableOf } from '../../../lib/observe/table.ts'
import { SCRAPE_INFO_HASHES_MAX } from '../../../lib/wire/udp-request.ts'
import { readHash } from '../given.ts'
import type { Outside } from '../outside.ts'
import { EXIT, print, runToEnd } from '../redis.ts'
import { counted, textOf } from '../text.ts'
import { scrapeFrom, type ToldCounts } from './ask.ts'
import { type AskOptions, targetOf } from './options.ts'
import { headLine, msNumber, tellFailure } from './told.ts'

/** Scrapes torrents from a tracker and prints their counts; answers the exit code. */
export const runScrape = (
  outside: Outside,
  url: string,
  hashes: readonly string[],
  options: AskOptions,
): Promise<number> =>
  runToEnd(async () => {
    const { json = false } = options
    const target = targetOf(url, options, outside)
    const infoHashes = hashes.map(readHash)
    if (infoHashes.length > SCRAPE_INFO_HASHES_MAX) {
      const given = `not ${shown(infoHashes.length)}`
      throw new OperatorError(`a scrape has at most ${SCRAPE_INFO_HASHES_MAX} info hashes (BEP 15), ${given}`)
    }
    const startMs = performance.now()
    const answer = await scrapeFrom(target, outside, infoHashes)
    const ms = performance.now() - startMs
    if (!answer.ok) return tellFailure(target.url, answer, json)
    const what = `scrape of ${counted(infoHashes.length, 'torrent')}`
    const torrents = answer.value.map(bodyOf)
    if (json) await print(jsonLine({ url: target.url.href, ms: msNumber(ms), torrents }))
    else await print(`${headLine(target.url, what, ms)}\n${textOf(tableOf(HEAD, answer.value.map(rowOf)))}`)
    return EXIT.done
  })

const HEAD = ['info hash', 'seeders', 'leechers', 'completed']

function rowOf({ infoHash, counts }: ToldCounts): string[] {
  const { seeders, leechers, completed } = counts ?? {}
  return [
    infoHash.toString('hex'),
    ...[seeders, leechers, completed].map((count) => (count === undefined ? '-' : shown(count))),
  ]
}

const bodyOf = ({ infoHash, counts }: ToldCounts) => ({
  info_hash: infoHash.toString('hex'),
  seeders: counts?.seeders ?? null,
  leechers: counts?.leechers ?? null,
  completed: counts?.completed ?? null,
})
