import { readFileSync } from 'node:fs'
import type { Logger } from '../../lib/observe/log.ts'

/** Files that a process needs beside its clients' connections: for Redis, sockets, the API's clients. */
const KEPT = 256

/** How many connections the HTTP tracker may have: as many as is set or, where the process may have fewer files open, what those leave. */
export function connectionsThatFit(connectionsMax: number, filesMax: number | undefined, log: Logger): number {
  if (filesMax === undefined) return connectionsMax
  const fitting = Math.max(Math.ceil(filesMax / 2), filesMax - KEPT)
  if (fitting >= connectionsMax) return connectionsMax
  log.warn(
    { connections: fitting, files: filesMax, set: connectionsMax },
    'fewer connections than REDSWARM_HTTP_CONNECTIONS_MAX: this process may have no more files open (ulimit -n, LimitNOFILE)',
  )
  return fitting
}

/** How many files this process may have open; undefined where there is no limit, or the system does not tell. */
export function openFilesMax(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}
