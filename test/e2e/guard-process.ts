import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Watched } from './guard.ts'

/** As long as the slowest of them, the tracker, may take to stop. */
const STOP_MS_MAX = 12_000
const POLL_EVERY_MS = 100

const programs = new Map<number, NodeJS.Signals>()
const folders = new Set<string>()

function note(watched: Watched): void {
  if ('pid' in watched) {
    if (watched.gone) programs.delete(watched.pid)
    else programs.set(watched.pid, watched.stopSignal)
  } else if (watched.gone) folders.delete(watched.folder)
  else folders.add(watched.folder)
}

/** Sends a signal (0: only looks); tells whether there was a process to take it. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

async function endPrograms(): Promise<void> {
  for (const [pid, signal] of programs) send(pid, signal)
  const end = performance.now() + STOP_MS_MAX
  while ([...programs.keys()].some((pid) => send(pid, 0)) && performance.now() < end) await sleep(POLL_EVERY_MS)
  for (const pid of programs.keys()) send(pid, 'SIGKILL')
}

// The input ends when the process of the tests does, in whatever way; then nothing is left, unless it was interrupted.
for await (const line of createInterface({ input: process.stdin })) note(JSON.parse(line))
await endPrograms()
for (const folder of folders) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
