import { shown } from '../../lib/observe/table.ts'
import { makeWhitelist } from '../../lib/store/whitelist.ts'
import { makeBar } from './bar.ts'
import { quoted, readHash } from './given.ts'
import { EXIT, print, runOnRedis } from './redis.ts'
import { type BadLine, readWhitelistFile } from './whitelist-file.ts'

/** Lists torrents; answers the exit code. */
export const addToWhitelist = (hashes: readonly string[]): Promise<number> =>
  runOnRedis('write', async (target) => {
    const infoHashes = hashes.map(readHash)
    const added = await makeWhitelist(target).add(infoHashes)
    await print(`  ${shown(added)} listed, ${shown(infoHashes.length - added)} listed before\n`)
    return EXIT.done
  })

/** Takes torrents off the list; answers the exit code. */
export const removeFromWhitelist = (hashes: readonly string[]): Promise<number> =>
  runOnRedis('write', async (target) => {
    const infoHashes = hashes.map(readHash)
    const removed = await makeWhitelist(target).remove(infoHashes)
    const missing = infoHashes.length - removed
    await print(`  ${shown(removed)} taken off the list, ${shown(missing)} not on it\n`)
    return missing === 0 ? EXIT.done : EXIT.notAll
  })

/** Prints what is listed, an info hash a line or as a JSON array; answers the exit code. */
export const printWhitelist = ({ json = false }: { json?: boolean }): Promise<number> =>
  runOnRedis('read', async (target) => {
    let before = json ? '[\n' : ''
    for await (const hexes of makeWhitelist(target).scan()) {
      const text = hexes.map((hex) => (json ? `  "${hex}"` : hex)).join(json ? ',\n' : '\n')
      if (!(await print(before + text))) return EXIT.done
      before = json ? ',\n' : '\n'
    }
    if (json) await print(before === '[\n' ? '[]\n' : '\n]\n')
    else if (before !== '') await print('\n')
    return EXIT.done
  })

/** Lists the torrents of a file, all of them or none; answers the exit code. */
export const importWhitelist = (path: string, { skipBad = false }: { skipBad?: boolean }): Promise<number> =>
  runOnRedis('write', async (target) => {
    const bar = makeBar()
    const onRead = (done: number, total: number): void => {
      if (total > 0) bar.show({ doing: 'reading', done, total })
    }
    try {
      return await readWhitelistFile(path, onRead, async ({ infoHashes, badLines, bad, batches }) => {
        bar.stop()
        if (bad > 0) process.stderr.write(badText(path, badLines, bad, skipBad))
        if (bad > 0 && !skipBad) return EXIT.notAll
        const whitelist = makeWhitelist(target)
        let [done, added] = [0, 0]
        for await (const batch of batches()) {
          added += await whitelist.add(batch)
          done += batch.length
          bar.show({ doing: 'importing', done, total: infoHashes })
        }
        bar.stop()
        await print(`  ${shown(added)} listed, ${shown(infoHashes - added)} listed before\n`)
        return EXIT.done
      })
    } finally {
      bar.stop()
    }
  })

function badText(path: string, lines: readonly BadLine[], bad: number, skipBad: boolean): string {
  const name = path === '-' ? 'standard input' : path
  const outcome = skipBad ? 'left out' : 'so that nothing was imported (--skip-bad leaves them out)'
  const told = lines.map(({ number, text }) => `  line ${number}: ${quoted(text)}`)
  const more = bad > lines.length ? [`  … and ${shown(bad - lines.length)} more`] : []
  const head = `redswarm: not 40 hex digits in ${shown(bad)} ${bad === 1 ? 'line' : 'lines'} of ${name}, ${outcome}`
  return `${[head, ...told, ...more].join('\n')}\n`
}
