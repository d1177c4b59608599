import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** What the guard is told: a program or a folder that is there now, or (`gone`) no longer. */
export type Watched =
  | { readonly pid: number; readonly stopSignal: NodeJS.Signals; readonly gone?: true }
  | { readonly folder: string; readonly gone?: true }

let guard: ChildProcessByStdio<Writable, null, null> | undefined

/** Has the guard end the program, or remove the folder, should this process end first. Call the answer when it is gone. */
export function watch(watched: Watched): () => void {
  tell(watched)
  return () => tell({ ...watched, gone: true })
}

function tell(watched: Watched): void {
  guard ??= startGuard()
  guard.stdin.write(`${JSON.stringify(watched)}\n`)
}

/** A process of its own, since no handler here runs when this one is killed; its input ends whatever happens. */
function startGuard(): ChildProcessByStdio<Writable, null, null> {
  const script = fileURLToPath(new URL('./guard-process.ts', import.meta.url))
  // Detached, so that Ctrl-C in a terminal does not end the guard as well.
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  child.stdin.on('error', () => {})
  child.unref()
  return child
}
