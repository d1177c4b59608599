/**
 * npm's bittorrent-tracker: its Client asks our tracker in tests, its Server is a rival in benchmarks.
 *
 * It is a package of its own, installed when first asked for: few runs need it, and it wants WebRTC, whose native binary
 * comes from outside the registry (see no-webrtc/).
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { BittorrentTracker } from './types.ts'

const HERE = import.meta.dirname
const CACHE = join(HERE, '../../../node_modules/.cache/bittorrent-tracker')
const MANIFEST = ['package.json', 'package-lock.json', '.npmrc', 'no-webrtc']
const INSTALL_MS_MAX = 120_000

let loading: Promise<BittorrentTracker> | undefined

/** Installs the package where it is not there yet (a second or two, from the npm registry), and imports it. */
export function loadBittorrentTracker(): Promise<BittorrentTracker> {
  loading ??= installOnce().then(importFrom)
  return loading
}

/** The folder's name is the hash of the lock file, so a folder that is there holds exactly what the lock file says. */
async function installOnce(): Promise<string> {
  const lock = await readFile(join(HERE, 'package-lock.json'))
  const folder = join(CACHE, createHash('sha256').update(lock).digest('hex').slice(0, 16))
  if (!(await exists(folder))) await installInto(folder)
  return folder
}

/** Installs beside, then renames: an interrupted install leaves nothing that looks finished, and two at once do no harm. */
async function installInto(folder: string): Promise<void> {
  await mkdir(CACHE, { recursive: true })
  const beside = await mkdtemp(join(CACHE, 'installing-'))
  try {
    for (const name of MANIFEST) await cp(join(HERE, name), join(beside, name), { recursive: true })
    await promisify(execFile)('npm', ['ci'], { cwd: beside, timeout: INSTALL_MS_MAX })
    await rename(beside, folder)
  } catch (error) {
    if (!(await exists(folder))) throw error
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
}

async function importFrom(folder: string): Promise<BittorrentTracker> {
  return import(pathToFileURL(join(folder, 'node_modules/bittorrent-tracker/index.js')).href)
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
