import { cpuSecondsOf } from '../../lib/observe/cpu.ts'

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
