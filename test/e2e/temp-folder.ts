import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { watch } from './guard.ts'

/** A folder that goes with its scope. */
export interface TempFolder extends AsyncDisposable {
  readonly path: string
  /** Makes a folder inside it. */
  sub(name: string): Promise<string>
}

export async function makeTempFolder(): Promise<TempFolder> {
  const path = await mkdtemp(join(tmpdir(), 'redswarm-e2e-'))
  const gone = watch({ folder: path })
  async function sub(name: string): Promise<string> {
    await mkdir(join(path, name))
    return join(path, name)
  }
  // Retries: a program that was just ended may still be writing its last file.
  async function remove(): Promise<void> {
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    gone()
  }
  return { path, sub, [Symbol.asyncDispose]: remove }
}
