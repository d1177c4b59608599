import { readdir, readFile, readlink } from 'node:fs/promises'

/** The processes whose working folder is in this one: their ids, and how they were called. */
export async function processesOf(folder: string): Promise<{ pid: number; command: string }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const all = await Promise.all(
    pids.map(async (pid) => ({
      pid: Number(pid),
      folder: await readlink(`/proc/${pid}/cwd`).catch(() => ''),
      command: (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' '),
    })),
  )
  return all.filter((each) => each.folder.startsWith(folder)).map(({ pid, command }) => ({ pid, command }))
}
