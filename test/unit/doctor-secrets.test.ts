import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { secretFileFindings } from '../../services/cli/doctor/secret-files.ts'
import { temporaryFolder } from '../support/at-exit.ts'

/** A folder that everybody may go through, with a data folder in it. */
async function withFolder(test: (folder: string, open: () => string[]) => Promise<void>): Promise<void> {
  const { path, remove } = await temporaryFolder('test')
  try {
    await chmod(path, 0o755)
    await mkdir(join(path, 'data/redis'), { recursive: true })
    await chmod(join(path, 'data'), 0o755)
    await chmod(join(path, 'data/redis'), 0o700)
    const redisUrl = `rediss://h:1?ca=/ca.pem&cert=/c.pem&key=${encodeURIComponent(join(path, 'a key.pem'))}`
    const open = () =>
      secretFileFindings({ dataDir: join(path, 'data'), redisUrl }, path).flatMap(({ severity, found, todo }) =>
        severity === 'warning' ? [`${found}; ${todo}`.replaceAll(path, '')] : [],
      )
    await test(path, open)
  } finally {
    await remove()
  }
}

async function write(file: string, mode: number, text = ''): Promise<void> {
  await writeFile(file, text)
  await chmod(file, mode)
}

describe('files with secrets', () => {
  it('are fine where they are not there, or open to their owner or a group', () =>
    withFolder(async (folder, open) => {
      expect(open()).toEqual([])
      await write(join(folder, 'data/api-token'), 0o600)
      await write(join(folder, '.env'), 0o640, 'REDSWARM_API_TOKEN=a-secret-token')
      expect(open()).toEqual([])
    }))

  it('are named where every user can read them, with what they have and what to do', () =>
    withFolder(async (folder, open) => {
      await write(join(folder, 'data/api-token'), 0o644)
      await write(join(folder, '.env'), 0o644, '# mine\nexport REDSWARM_SECRET="a-secret"\n')
      await write(join(folder, 'a key.pem'), 0o604)
      await chmod(join(folder, 'data/redis'), 0o755)
      expect(open().map((text) => text.split(',')[0])).toEqual([
        'every user of this machine can read /data/api-token',
        'every user of this machine can read /data/redis',
        'every user of this machine can read /.env',
        'every user of this machine can read /a key.pem',
      ])
      expect(open()[1]).toContain('`chmod 700 /data/redis`')
      expect(open()[3]).toContain("which has the key of Redis's TLS; `chmod 600 /a key.pem`")
    }))

  it('are fine in a folder that others cannot go through, whatever leads to it', () =>
    withFolder(async (folder, open) => {
      await write(join(folder, 'data/api-token'), 0o644)
      await chmod(join(folder, 'data'), 0o700)
      expect(open()).toEqual([])
      await mkdir(join(folder, 'kept'), { mode: 0o700 })
      await write(join(folder, 'kept/key'), 0o644)
      await symlink(join(folder, 'kept/key'), join(folder, 'a key.pem'))
      expect(open()).toEqual([])
    }))

  it('may have settings that are no secrets open to all', () =>
    withFolder(async (folder, open) => {
      await write(join(folder, '.env'), 0o644, 'REDSWARM_LISTED=true\nREDSWARM_SECRET=\n')
      expect(open()).toEqual([])
    }))
})
