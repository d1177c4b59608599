import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Mutant } from './mutant.ts'

/** The repository's root. */
export const ROOT = join(import.meta.dirname, '../..')

/** A copy of what git has or would take, in a folder of its own, with the packages of the original. */
export function copyRepository(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'redswarm-mutant-'))
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT })
  for (const file of list.toString().split('\0')) {
    if (file === '' || !existsSync(join(ROOT, file))) continue
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(ROOT, file), join(folder, file))
  }
  linkPackages(folder)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/**
 * Gives a copy the packages of the original: a folder of its own with a link to each. One link to the whole folder would be
 * followed by an `npm ci` in the copy, as the setup runs it, which would empty the original.
 */
function linkPackages(folder: string): void {
  mkdirSync(join(folder, 'node_modules'))
  for (const entry of readdirSync(join(ROOT, 'node_modules'), { withFileTypes: true })) {
    const [from, to] = [join(ROOT, 'node_modules', entry.name), join(folder, 'node_modules', entry.name)]
    if (entry.isFile()) cpSync(from, to)
    else symlinkSync(from, to)
  }
}

/** Puts a mutant's fault into a copy; throws where its place is not there, or is there twice. */
export function applyMutant(folder: string, { fault, file, find, replace }: Mutant): void {
  const path = join(folder, file)
  if (!existsSync(path)) throw new Error(`${fault}: there is no ${file}`)
  const parts = readFileSync(path, 'utf8').split(find)
  if (parts.length !== 2) throw new Error(`${fault}: ${file} has ${parts.length - 1} of ${JSON.stringify(find)}`)
  writeFileSync(path, parts.join(replace))
}
