import { readFileSync } from 'node:fs'

/** Clock ticks of /proc per second: 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100

/** CPU time of a process so far, all its threads, in seconds; undefined where there is no such process, or no /proc. */
export function cpuSecondsOf(pid: number): number | undefined {
  try {
    // The name, in brackets, may hold anything: what is counted comes after it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S
  } catch {
    return undefined
  }
}
