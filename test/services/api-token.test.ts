import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadApiToken } from '../../services/api/token.ts'

describe('the API token', () => {
  async function withFolder(test: (folder: string, file: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'redswarm-test-'))
    await test(folder, join(folder, 'api-token')).finally(() => rmSync(folder, { recursive: true }))
  }

  it('is one for all that start at once, whole, readable by its owner alone, and new to one of them', () =>
    withFolder(async (folder, file) => {
      const found = await Promise.all(Array.from({ length: 20 }, () => loadApiToken(undefined, folder)))
      const token = readFileSync(file, 'utf8').trim()
      expect(token).toMatch(/^[\w-]{32}$/)
      expect(new Set(found.map((each) => each.token))).toEqual(new Set([token]))
      expect(found.filter(({ isNew }) => isNew)).toHaveLength(1)
      expect([statSync(file).mode & 0o777, readdirSync(folder)]).toEqual([0o600, ['api-token']])
      expect(await loadApiToken(undefined, folder)).toEqual({ token, isNew: false, file })
    }))

  it.each(['', '\n', 'a1b2c3d\n'])('is not %j: such a file was cut off, and is to be deleted', (text) =>
    withFolder(async (folder, file) => {
      writeFileSync(file, text)
      await expect(loadApiToken(undefined, folder)).rejects.toThrow(/^no API token .*api-token\n {2}delete it/s)
      await expect(loadApiToken(undefined, file)).rejects.toThrow(/^cannot keep the API token .*REDSWARM_API_TOKEN/s)
    }),
  )
})
