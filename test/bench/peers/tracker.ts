import type { InfoHash } from '../../../lib/wire/info-hash.ts'

/** What a tracker is loaded by. */
export type Protocol = 'udp' | 'http'

/** What a start is told: a tracker that serves listed torrents only lists these, and none tells fewer peers than asked for. */
export type StartOptions = { protocol: Protocol; infoHashes: readonly InfoHash[]; numwant: number }

/** A tracker under load, empty when it starts, with the processes whose CPU and memory count. */
export type RunningTracker = { url: string; pids: Record<string, number>; stop: () => Promise<void> }

/** A tracker to compare, or why it is not there. */
export type Tracker = {
  name: string
  protocols: readonly Protocol[]
  /** Its version, or what is missing. */
  find: () => Promise<{ version: string } | { missing: string }>
  start: (options: StartOptions) => Promise<RunningTracker>
}

/** Where a tracker at 127.0.0.1 is asked. */
export const urlOf = (protocol: Protocol, port: number): string =>
  protocol === 'udp' ? `udp://127.0.0.1:${port}` : `http://127.0.0.1:${port}/announce`
