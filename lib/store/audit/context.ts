import type { Redis } from 'ioredis'
import type { Keys } from '../keys.ts'
import type { AuditRecorder } from './report.ts'

/** What the parts of an audit share. */
export type AuditContext = {
  redis: Redis
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
