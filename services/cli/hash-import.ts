import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { type BadLines, badLinesText } from './bad-lines.ts'
import { makeBar } from './bar.ts'
import { readHashFile } from './hash-file.ts'
import { nameOf } from './move/file-kind.ts'
import { counted } from './text.ts'

/**
 * Puts the info hashes of a file on a list, all of them or none; `add` answers how many are new. Undefined where there are bad lines,
 * which are told, and not to be left out.
 */
export async function importHashes(
  path: string,
  skipBad: boolean,
  add: (infoHashes: InfoHash[]) => Promise<number>,
): Promise<{ added: number; before: number } | undefined> {
  const bar = makeBar()
  const onRead = (done: number, total: number): void => {
    if (total > 0) bar.show({ doing: 'reading', done, total })
  }
  try {
    return await readHashFile(path, onRead, async ({ infoHashes, bad, batches }) => {
      bar.stop()
      if (bad.count > 0) process.stderr.write(badText(path, bad, skipBad))
      if (bad.count > 0 && !skipBad) return undefined
      let [done, added] = [0, 0]
      for await (const batch of batches()) {
        added += await add(batch)
        done += batch.length
        bar.show({ doing: 'importing', done, total: infoHashes })
      }
      return { added, before: infoHashes - added }
    })
  } finally {
    bar.stop()
  }
}

function badText(path: string, bad: BadLines, skipBad: boolean): string {
  const outcome = skipBad ? 'left out' : 'so that nothing was imported (--skip-bad leaves them out)'
  return badLinesText(
    `redswarm: not 40 hex digits in ${counted(bad.count, 'line')} of ${nameOf(path)}, ${outcome}`,
    bad,
  )
}
