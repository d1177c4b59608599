import { setTimeout as sleep } from 'node:timers/promises'

const POLL_EVERY_MS = 100

/** Asks again and again until the answer is yes; past the deadline it throws what `failure` says. */
export async function waitFor(done: () => Promise<boolean>, deadlineMs: number, failure: () => string): Promise<void> {
  const end = performance.now() + deadlineMs
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`waited ${deadlineMs / 1000} s: ${failure()}`)
    await sleep(POLL_EVERY_MS)
  }
}
