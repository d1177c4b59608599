import type { ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'

const undos = new Set<() => void>()
// The last one first: a program is gone before the folder that it writes to.
process.on('exit', () => {
  for (const undo of [...undos].reverse()) undo()
})

function atExit(undo: () => void): () => void {
  undos.add(undo)
  return () => undos.delete(undo)
}

/** Kills a process where this one ends before it. */
export function killAtExit(child: ChildProcess): void {
  child.once(
    'exit',
    atExit(() => child.kill('SIGKILL')),
  )
}

/** A temporary folder, which does not outlive this process. */
export async function temporaryFolder(name: string): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `redswarm-${name}-`))
  const forget = atExit(() => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }))
  const remove = async () => {
    await rm(path, { recursive: true, force: true })
    forget()
  }
  return { path, remove }
}

/** Has the signals that end a process let it undo what it has to: without this they pass that over. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(128 + constants.signals[signal]))
}
