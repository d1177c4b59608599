import type { RedisClient } from '../client.ts'
import type { Keys } from '../keys.ts'
import type { AuditRecorder } from './report.ts'

/** What the parts of an audit share. */
export type AuditContext = {
  redis: RedisClient
  keys: Keys
  peerLifetimeS: number
  nowS: () => number | ''
  repair: boolean
  /** The shards that are looked at. */
  shards: ReadonlySet<string>
  recorder: AuditRecorder
  /** So many keys or torrents more are done. */
  onStep: (doing: string, done: number) => void
}
