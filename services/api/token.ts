import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The API token and, where it was made just now, that it is to be shown. */
export type ApiToken = { token: string; isNew: boolean; file: string | undefined }

/** The token from the settings, else the one kept in the data folder, readable by its owner only; made at first. */
export async function loadApiToken(configured: string | undefined, dataDir: string): Promise<ApiToken> {
  if (configured !== undefined) return { token: configured, isNew: false, file: undefined }
  const file = join(dataDir, 'api-token')
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const token = randomBytes(24).toString('base64url')
  try {
    await writeFile(file, `${token}\n`, { mode: 0o600, flag: 'wx' })
    return { token, isNew: true, file }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return { token: (await readFile(file, 'utf8')).trim(), isNew: false, file }
  }
}
