import { OperatorError } from '../errors.ts'

/** Shards: the values of the first three hex digits of an info hash. */
export const SHARDS = 4096

/** Builds every key (docs/redis-keys.md). `{09a}`, the shard, is the hash tag of all that one announce touches. */
export type Keys = {
  prefix: string
  /** The hash of a swarm, named by 40 hex digits. */
  swarm: (hex: string) => string
  /** The sorted set of a shard's torrents by due time. */
  torrents: (shard: string) => string
  /** The hash of a shard's counts. */
  totals: (shard: string) => string
  /** The set of a shard's listed info hashes. */
  whitelist: (shard: string) => string
  /** The hash of what passkeys moved in a shard's torrents. */
  accounts: (shard: string) => string
  /** The sorted set of the best torrents by one of the counts, and the one that is made to replace it. */
  ranks: (count: string) => string
  /** The ranking before it, and when both were made. */
  ranksBefore: (count: string) => string
  ranksMade: (count: string) => string
  nextRanks: (count: string) => string
  /** The hash of a private tracker's passkeys, how many changes it had, and the channel that tells of them. */
  passkeys: string
  passkeysVersion: string
  passkeyChanges: string
  /** The banned networks, the denied torrents, and the clients that are allowed or denied. */
  bans: ListKeys
  denied: ListKeys
  clients: ListKeys
  /** The stream of what happened to torrents. */
  events: string
  /** How many torrents there are, about. */
  counted: string
  stats: string
  /** The number of a frontend's last flush of its counters, in the slot of `stats`. */
  statsFlush: (frontendId: string) => string
  /** The hash of what each process says of itself. */
  instances: string
  secret: string
  schema: string
  sweeper: string
  /** What the last audit found. */
  audit: string
  /** How far an import is, while it is under way or interrupted. */
  import: string
  /** The prefix of BullMQ's keys, a hash tag of its own. */
  jobs: string
}

/** The keys of a list that operators keep, in one slot: the hash of its names, how many changes it had, and the stream of the last ones. */
export type ListKeys = { list: string; version: string; changes: string }

/** The key builder of a prefix. A brace in it would move the hash tag: refused. */
export function makeKeys(prefix: string): Keys {
  if (/[{}]/.test(prefix)) throw new OperatorError(`REDSWARM_KEY_PREFIX must not hold braces: ${prefix}`)
  const listKeys = (name: string): ListKeys => ({
    list: `${prefix}${name}`,
    version: `{${prefix}${name}}:version`,
    changes: `{${prefix}${name}}:changes`,
  })
  return {
    prefix,
    swarm: (hex) => `${prefix}swarm:{${hex.slice(0, 3)}}:${hex}`,
    torrents: (shard) => `${prefix}torrents:{${shard}}`,
    totals: (shard) => `${prefix}totals:{${shard}}`,
    whitelist: (shard) => `${prefix}whitelist:{${shard}}`,
    accounts: (shard) => `${prefix}accounts:{${shard}}`,
    ranks: (count) => `${prefix}ranks:{${count}}`,
    ranksBefore: (count) => `${prefix}ranks:{${count}}:before`,
    ranksMade: (count) => `${prefix}ranks:{${count}}:made`,
    nextRanks: (count) => `${prefix}ranks:{${count}}:next`,
    passkeys: `${prefix}keys`,
    passkeysVersion: `{${prefix}keys}:version`,
    passkeyChanges: `${prefix}keys:changes`,
    bans: listKeys('bans'),
    denied: listKeys('denied'),
    clients: listKeys('clients'),
    events: `${prefix}events`,
    counted: `${prefix}counted`,
    stats: `${prefix}stats`,
    statsFlush: (frontendId) => `{${prefix}stats}:flush:${frontendId}`,
    instances: `${prefix}instances`,
    secret: `${prefix}secret`,
    schema: `${prefix}schema`,
    sweeper: `${prefix}sweeper`,
    audit: `${prefix}audit`,
    import: `${prefix}import`,
    jobs: `{${prefix}redswarm}`,
  }
}

const MOVED_KEY = /^moved:\{([0-9a-f]{3})\}:\1[0-9a-f]{37}:.+:.{20}$/s

/** Whether a name without its prefix, as latin1, is a key of what a client with a passkey has said last. Scripts alone make these. */
export const isMovedKey = (name: string): boolean => MOVED_KEY.test(name)

/** The shards' names in order, `000` to `fff`: in this order, their torrents are in the order of their info hashes. */
export function shardNames(): string[] {
  return Array.from({ length: SHARDS }, (_, i) => i.toString(16).padStart(3, '0'))
}
