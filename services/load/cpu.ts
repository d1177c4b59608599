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

/** CPU times of processes by their names. */
export type CpuSeconds = Record<string, number | undefined>

/** The CPU times of processes now. */
export const cpuSecondsOfAll = (pids: Record<string, number>): CpuSeconds =>
  Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSecondsOf(pid)]))

/** What each process used between two looks, per response, in µs; null where it is gone, or nothing was answered. */
export function cpuUsPerResponse(
  before: CpuSeconds,
  after: CpuSeconds,
  responses: number,
): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(before).map(([name, from]) => {
      const to = after[name]
      return [name, from === undefined || to === undefined || responses === 0 ? null : ((to - from) * 1e6) / responses]
    }),
  )
}
