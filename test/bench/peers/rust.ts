import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { killAtExit } from '../../support/at-exit.ts'

/** A tracker that cargo builds from crates.io. */
export type Crate = { name: string; version: string; isLocked: boolean }

const ROOT = join(import.meta.dirname, '../../../node_modules/.cache/rust-trackers')

/** Where its program is: on PATH, or where `installCrate` puts it. */
export function programOf({ name }: Crate): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(ROOT, 'bin')]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const hasCargo = (): boolean => spawnSync('cargo', ['--version']).status === 0

/** What to say of one that is not there. */
export const missingCrate = (crate: Crate): string =>
  hasCargo()
    ? `not built: npm run bench:peers -- --install builds it (cargo, some minutes)`
    : `no ${crate.name} on PATH, and no cargo to build it with: see rustup.rs, then npm run bench:peers -- --install`

/** Builds it where it is not there and cargo is. */
export async function installCrate(crate: Crate): Promise<void> {
  if (programOf(crate) || !hasCargo()) return
  const { name, version, isLocked } = crate
  const args = ['install', `${name}@${version}`, '--root', ROOT, ...(isLocked ? ['--locked'] : [])]
  const cargo = spawn('cargo', args, { stdio: ['ignore', 'inherit', 'inherit'] })
  killAtExit(cargo)
  const [status] = await once(cargo, 'exit')
  if (status !== 0) console.error(`cargo ${args.join(' ')}: ended with ${status}`)
}

/**
 * The version that cargo remembers having built, beside the program's folder; undefined where it does not. For a program
 * that has no option to say it.
 */
export function builtVersionOf({ name }: Crate, program: string): string | undefined {
  try {
    const built = readFileSync(join(program, '../../.crates.toml'), 'utf8')
    return new RegExp(`"${name} (\\S+) `).exec(built)?.[1]
  } catch {
    return undefined
  }
}
