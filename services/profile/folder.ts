import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { OperatorError } from '../../lib/errors.ts'

/** How a summary says whose it is, so that a profile may take the place of an earlier one and of nothing else. */
export const MADE_BY = 'redswarm profile'

const SUMMARY = 'summary.json'

/** What profiles leave beside the summary: those of a role, and those of Redis. */
export const PROFILE_FILES: readonly string[] = [
  ...['profile.cpuprofile', 'flamegraph.html', 'flamegraph.svg', 'callgrind.out', 'stages.json', 'stages.txt'],
  ...['redis.txt', 'redis.json', 'slowlog.txt', 'perf.folded', 'perf-flamegraph.html', 'perf-flamegraph.svg'],
]

/** Makes the folder of a profile. Throws an OperatorError where something is in it that is no profile of ours. */
export async function openFolder(out: string): Promise<string> {
  const folder = resolve(out)
  try {
    await mkdir(folder, { recursive: true })
    const names = await readdir(folder)
    if (names.length === 0 || (await isProfile(folder))) return folder
  } catch (error) {
    throw new OperatorError(`cannot write to ${out}: ${(error as Error).message}`)
  }
  throw new OperatorError(`${out} is not empty, and holds no profile: name another folder by --out`)
}

async function isProfile(folder: string): Promise<boolean> {
  try {
    return (JSON.parse(await readFile(join(folder, SUMMARY), 'utf8')) as { madeBy?: string }).madeBy === MADE_BY
  } catch {
    return false
  }
}

/** Removes what an earlier profile left, which may be of another kind and have other files. */
export async function removeEarlier(folder: string): Promise<void> {
  for (const name of PROFILE_FILES) await rm(join(folder, name), { force: true })
}

/** Writes the files of a profile, by name; the summary first, so that one cut short is known for what it is. */
export async function writeFiles(folder: string, summary: object, files: Record<string, string>): Promise<void> {
  await writeFile(join(folder, SUMMARY), `${JSON.stringify({ madeBy: MADE_BY, ...summary }, undefined, 2)}\n`)
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
}
