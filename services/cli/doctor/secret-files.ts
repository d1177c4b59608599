import { readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import { secretNames } from '../../../lib/config/schema.ts'
import type { Settings } from '../../../lib/config/settings.ts'
import { printable } from '../../../lib/observe/table.ts'
import type { Finding } from './finding.ts'

/** What any user may do: read a file, list a folder; go through a folder. */
const READ = 0o004
const PASS = 0o001

/** Files with secrets, of these settings and of the folder that this is called in, that every user of this machine can read. */
export function secretFileFindings(
  { dataDir, redisUrl }: Pick<Settings, 'dataDir' | 'redisUrl'>,
  workingFolder: string,
): Finding[] {
  const key = /[?&]key=([^&]*)/.exec(redisUrl ?? '')?.[1]
  const files: [path: string, what: string][] = [
    [join(dataDir, 'api-token'), 'the API token'],
    [join(dataDir, 'redis'), 'all that the private Redis keeps'],
    ...(hasSecrets(join(workingFolder, '.env'))
      ? ([[join(workingFolder, '.env'), 'secrets']] as [string, string][])
      : []),
    ...(key === undefined ? [] : ([[decodeURIComponent(key), "the key of Redis's TLS"]] as [string, string][])),
  ]
  const open = files.filter(([path]) => isOpen(path))
  if (open.length === 0)
    return [{ severity: 'fine', about: 'secrets', found: 'no other user can read the files that have them' }]
  return open.map(([path, what]) => ({
    severity: 'warning',
    about: 'secrets',
    found: `every user of this machine can read ${printable(path)}, which has ${what}`,
    todo: `\`chmod ${statSync(path).isDirectory() ? 700 : 600} ${printable(path)}\`, and take new ones where others have users here`,
  }))
}

function hasSecrets(file: string): boolean {
  try {
    const given = parseEnv(readFileSync(file, 'utf8'))
    return secretNames.some((name) => given[name])
  } catch {
    return false
  }
}

/** Whether any user can read a file, or list a folder, and get to it. One that is not there is not. */
function isOpen(path: string): boolean {
  try {
    const real = realpathSync(path)
    if ((statSync(real).mode & READ) === 0) return false
    for (let folder = dirname(real); ; folder = dirname(folder)) {
      if ((statSync(folder).mode & PASS) === 0) return false
      if (folder === dirname(folder)) return true
    }
  } catch {
    return false
  }
}
