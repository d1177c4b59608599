import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'

/** Lets a process open nothing more: its limit is the number of the first descriptor that is free. Answers what undoes it. */
export function closeOff(pid: number): () => void {
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number))
  let free = 0
  while (used.has(free)) free += 1
  const before = limitOf(pid)
  setLimit(pid, `${free}`)
  return () => setLimit(pid, before)
}

const prlimit = (pid: number, ...args: string[]): string =>
  execFileSync('prlimit', ['--pid', `${pid}`, ...args], { encoding: 'utf8' })

const limitOf = (pid: number): string => prlimit(pid, '--nofile', '--noheadings', '--raw', '--output', 'SOFT').trim()

/** The soft limit alone: only root may raise the other one again. */
const setLimit = (pid: number, files: string): unknown => prlimit(pid, `--nofile=${files}:`)
