import { shown } from '../../lib/observe/table.ts'
import { deniedEntry, makeDeniedList, makeDeniedReader } from '../../lib/store/denied.ts'
import { readList } from '../../lib/store/list-copy.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { bytesOfRow, type PrefixRows } from '../../lib/wire/prefix-rows.ts'
import { readHash } from './given.ts'
import { importHashes } from './hash-import.ts'
import { printJsonArray, printLines } from './json-list.ts'
import { EXIT, print, runOnRedis, type Target } from './redis.ts'
import { readUntil, untilText } from './until.ts'

/** Denies torrents; answers the exit code. */
export const addDenied = (hashes: readonly string[], { for: time }: { for?: string }): Promise<number> =>
  runOnRedis('write', async (target) => {
    const infoHashes = hashes.map(readHash)
    const untilS = untilOf(time, target)
    const added = await deny(target, infoHashes, untilS)
    await print(toldOf({ added, before: infoHashes.length - added }, untilS, target))
    return EXIT.done
  })

/** Denies the torrents of a file, all of them or none; answers the exit code. */
export const importDenied = (
  path: string,
  { for: time, skipBad = false }: { for?: string; skipBad?: boolean },
): Promise<number> =>
  runOnRedis('write', async (target) => {
    const untilS = untilOf(time, target)
    const added = await importHashes(path, skipBad, (infoHashes) => deny(target, infoHashes, untilS))
    if (!added) return EXIT.notAll
    await print(toldOf(added, untilS, target))
    return EXIT.done
  })

/** Serves torrents again; answers the exit code. */
export const removeDenied = (hashes: readonly string[]): Promise<number> =>
  runOnRedis('write', async (target) => {
    const names = hashes.map((text) => readHash(text).toString('hex'))
    const removed = (await makeDeniedList(target).remove(names)).filter(Boolean).length
    const missing = names.length - removed
    await print(`  ${shown(removed)} no longer denied, ${shown(missing)} not denied before\n`)
    return missing === 0 ? EXIT.done : EXIT.notAll
  })

/** Prints what is denied, in order: lines that can be imported, or a JSON array; answers the exit code. */
export const printDenied = ({ json = false }: { json?: boolean }): Promise<number> =>
  runOnRedis('read', async (target) => {
    const rows = await readList(
      makeDeniedList(target),
      makeDeniedReader((rows) => rows),
    )
    if (json)
      await printJsonArray(linesOf(rows, (hex, until) => `{ "info_hash": "${hex}", "until": ${until ?? null} }`))
    else await printLines(linesOf(rows, (hex, until) => `${hex}  # ${untilText(until, target.nowS)}`))
    return EXIT.done
  })

function* linesOf(rows: PrefixRows, lineOf: (hex: string, untilS: number | undefined) => string): Generator<string> {
  for (let row = 0; row < rows.length; row++) {
    const untilS = rows.values[row] as number
    yield lineOf(bytesOfRow(rows, row).toString('hex'), Number.isFinite(untilS) ? untilS : undefined)
  }
}

const untilOf = (time: string | undefined, { nowS }: Target): number | undefined =>
  time === undefined ? undefined : readUntil('--for', time, nowS)

/** Denies torrents; answers how many are new. */
async function deny(target: Target, infoHashes: readonly InfoHash[], untilS: number | undefined): Promise<number> {
  const entries = infoHashes.map((infoHash) => deniedEntry({ infoHash, untilS }))
  return (await makeDeniedList(target).put(entries)).filter((outcome) => outcome === 'new').length
}

const toldOf = (
  { added, before }: { added: number; before: number },
  untilS: number | undefined,
  { nowS }: Target,
): string => `  ${shown(added)} denied, ${shown(before)} denied before; ${untilText(untilS, nowS)}\n`
