import { cp, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import { onOneRedis } from '../one-redis.ts'

const ROOT = join(import.meta.dirname, '../../..')
const BOTH_MS = 5000

/** Another version of the tracker: each of its scripts has another text, and so another name in Redis. Answers its program. */
async function otherVersion(folder: string): Promise<string> {
  const root = join(folder, 'other')
  for (const part of ['lib', 'services', 'package.json'])
    await cp(join(ROOT, part), join(root, part), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  const scripts = join(root, 'lib/store/lua')
  for (const name of await readdir(scripts)) {
    if (!name.endsWith('.lua')) continue
    const text = await readFile(join(scripts, name), 'utf8')
    await writeFile(join(scripts, name), `${text}-- another version\n`)
  }
  return join(root, 'services/main.ts')
}

export const versionFaults: readonly Fault[] = [
  {
    name: 'two versions of the scripts side by side',
    stage: async (stage) => {
      const mains = ['', await otherVersion(stage.folder)]
      const staged = onOneRedis(
        async ({ server, problems }) => {
          const fromMs = performance.now()
          await sleep(BOTH_MS)
          const libraries = (await server.redis.call('FUNCTION', 'LIST')) as unknown[][]
          const announces = libraries.filter(([, name]) => String(name).includes('announce'))
          if (announces.length !== 2) problems.push(`Redis has ${announces.length} versions of announces, not 2`)
          return { fromMs, healedMs: fromMs }
        },
        { tracker: { apart: [{}, {}], mains } },
      )
      return staged(stage)
    },
  },
]
