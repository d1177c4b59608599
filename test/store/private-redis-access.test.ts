import { spawnSync } from 'node:child_process'
import { chmod, cp, mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { startPrivateRedis } from '../../lib/store/private-redis.ts'
import { loadApiToken } from '../../services/api/token.ts'
import { findRedis } from '../../services/cli/setup.mjs'
import { temporaryFolder } from '../support/at-exit.ts'

const NOBODY = 65534
const isRoot = process.getuid?.() === 0
const serverPath = (await findRedis({ install: false }))?.path ?? ''

/** A private Redis and an API token in a data folder that everybody may look into, as one that was made before may be. */
async function withOpenFolder(test: (dataDir: string, socket: string) => Promise<void>): Promise<void> {
  const { path, remove } = await temporaryFolder('test')
  try {
    await chmod(path, 0o755)
    const dataDir = join(path, 'data')
    await mkdir(dataDir)
    await chmod(dataDir, 0o755)
    await loadApiToken(undefined, dataDir)
    const { url, stop } = await startPrivateRedis({ serverPath, dataDir, log: pino({ level: 'silent' }) })
    await test(dataDir, url.slice('unix://'.length)).finally(stop)
  } finally {
    await remove()
  }
}

describe('what a tracker that runs alone keeps', () => {
  it('is open to its owner alone, file by file, in a folder that is open to all', () =>
    withOpenFolder(async (dataDir) => {
      const entries = await readdir(dataDir, { recursive: true, withFileTypes: true })
      const modes = entries.map(async (entry) => {
        const mode = (await stat(join(entry.parentPath, entry.name))).mode & 0o777
        return [entry.name, mode & 0o077 & (entry.isSocket() ? 0o022 : 0o077)] as const
      })
      const names = entries.map(({ name }) => name)
      for (const name of ['api-token', 'redis', 'redis.sock', 'redis.log', 'appendonlydir', 'appendonly.aof.manifest'])
        expect(names).toContain(name)
      // A lock on which everybody may knock says that the folder is taken, and nothing else; nobody can, without its write bits.
      expect((await Promise.all(modes)).filter(([, open]) => open !== 0)).toEqual([])
    }))

  it.runIf(isRoot)('cannot be read, nor its Redis asked, by another user', () =>
    withOpenFolder(async (dataDir, socket) => {
      // The program of the tests may lie where another user cannot get to it.
      const node = join(dataDir, '..', 'node')
      await cp(process.execPath, node)
      await chmod(node, 0o755)
      const asNobody = (code: string) =>
        spawnSync(node, ['-e', code], { uid: NOBODY, gid: NOBODY, cwd: '/', env: {}, encoding: 'utf8' }).stdout.trim()
      const tried = (code: string) =>
        asNobody(`try { ${code}; console.log('done') } catch (error) { console.log(error.code) }`)
      expect(asNobody('console.log(process.getuid())')).toBe(String(NOBODY))
      expect(tried(`fs.readdirSync(${JSON.stringify(dataDir)})`)).toBe('done')
      expect(tried(`fs.readFileSync(${JSON.stringify(join(dataDir, 'api-token'))})`)).toBe('EACCES')
      expect(tried(`fs.readdirSync(${JSON.stringify(join(dataDir, 'redis'))})`)).toBe('EACCES')
      const connect = (path: string) =>
        asNobody(
          `net.connect(${JSON.stringify(path)}, () => console.log('done')).on('error', ({ code }) => console.log(code))`,
        )
      expect(connect(socket)).toBe('EACCES')
    }),
  )
})
