import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NUMBERS } from '../../services/load/options.ts'
import { openFolder, PROFILE_FILES, removeEarlier, writeFiles } from '../../services/profile/folder.ts'
import { BOUNDS, readOptions } from '../../services/profile/options.ts'

async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('the options of a profile', () => {
  it.each(Object.keys(BOUNDS) as (keyof typeof BOUNDS)[])('%s has bounds within those of a load', (name) => {
    const [least, most] = BOUNDS[name]
    expect(least).toBeGreaterThanOrEqual(name === 'peers' ? NUMBERS.addresses.default : NUMBERS[name].min)
    expect(most).toBeLessThanOrEqual(NUMBERS[name].max)
  })

  it('are taken up to their bounds, and refused past them by name', () =>
    withFolder(async (out) => {
      const given = { seconds: '600', torrents: '1', peers: '1000000', out }
      expect(await readOptions(given)).toEqual({ seconds: 600, torrents: 1, peers: 1_000_000, folder: out })
      for (const bad of [
        { seconds: '0' },
        { torrents: '1000001' },
        { peers: '15' },
        { peers: 'many' },
        { seconds: '' },
      ]) {
        const [name, value] = Object.entries(bad)[0] as [string, string]
        const why = new RegExp(`^--${name} must be a whole number from \\d+ to \\d+, not ${value}$`)
        await expect(readOptions({ ...given, ...bad })).rejects.toThrow(why)
      }
    }))
})

describe('the folder of a profile', () => {
  it('loses what an earlier one of another kind left, and nothing else', () =>
    withFolder(async (folder) => {
      const files = Object.fromEntries(PROFILE_FILES.map((name) => [name, 'earlier']))
      await writeFiles(folder, {}, { ...files, 'notes.txt': 'what was seen' })
      expect(await openFolder(folder)).toBe(folder)
      await removeEarlier(folder)
      await writeFiles(folder, {}, { 'redis.txt': 'now' })
      expect((await readdir(folder)).sort()).toEqual(['notes.txt', 'redis.txt', 'summary.json'])
    }))

  it('is refused where something else is in it', () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, 'thesis.txt'), 'not a profile')
      await expect(openFolder(folder)).rejects.toThrow('is not empty, and holds no profile')
    }))
})
