import { shown } from '../../lib/observe/table.ts'
import { makeWhitelist } from '../../lib/store/whitelist.ts'
import { readHash } from './given.ts'
import { importHashes } from './hash-import.ts'
import { EXIT, print, runOnRedis } from './redis.ts'

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
    const { add } = makeWhitelist(target)
    const added = await importHashes(path, skipBad, add)
    if (!added) return EXIT.notAll
    await print(`  ${shown(added.added)} listed, ${shown(added.before)} listed before\n`)
    return EXIT.done
  })
