import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ApiToken, DEFAULT_TOKEN_NAME, TOKEN_CHARS_MIN } from '../../lib/config/tokens.ts'
import { messageOf, OperatorError } from '../../lib/errors.ts'

/** The API's own token and, where it was made just now, that it is to be shown. */
export type OwnToken = { token: string; isNew: boolean; file: string | undefined }

/** Where the token is kept unless the settings have one. */
export const apiTokenFile = (dataDir: string): string => join(dataDir, 'api-token')

/** The token from the settings, else the one kept in the data folder, readable by its owner only; made at first. */
export async function loadApiToken(configured: string | undefined, dataDir: string): Promise<OwnToken> {
  if (configured !== undefined) return { token: configured, isNew: false, file: undefined }
  const file = apiTokenFile(dataDir)
  try {
    const kept = await readToken(file)
    if (kept !== undefined) return { token: kept, isNew: false, file }
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    const token = randomBytes(24).toString('base64url')
    if (await keep(file, token)) return { token, isNew: true, file }
    // Another process has made one just now.
    return { token: (await readToken(file)) ?? token, isNew: false, file }
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw new OperatorError(`cannot keep the API token in ${file}: ${messageOf(error)}\n  set REDSWARM_API_TOKEN`)
  }
}

/** All tokens that the API knows: its own, which may do all, and the named ones. */
export function allTokens({ token, file }: OwnToken, named: readonly ApiToken[]): ApiToken[] {
  const twin = named.find((other) => other.token === token)
  if (twin) {
    throw new OperatorError(`REDSWARM_API_TOKENS: the token of ${twin.name} is the API's own, of ${file}: take another`)
  }
  return [{ name: DEFAULT_TOKEN_NAME, isAdmin: true, token }, ...named]
}

async function readToken(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  const token = text?.trim()
  if (token !== undefined && token.length < TOKEN_CHARS_MIN)
    throw new OperatorError(`no API token of ${TOKEN_CHARS_MIN} characters is in ${file}\n  delete it: another is made`)
  return token
}

/** Puts a token in place whole or not at all, and over no other; answers whether it did. */
async function keep(file: string, token: string): Promise<boolean> {
  const draft = `${file}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(draft, `${token}\n`, { mode: 0o600, flag: 'wx', flush: true })
    await link(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    await rm(draft, { force: true })
  }
}
