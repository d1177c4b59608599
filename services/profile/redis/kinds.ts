/** The kinds of key that a profile tells apart (docs/redis-keys.md), the ones of swarms first. */
export const KEY_KINDS = [
  'swarm',
  'chunk',
  'done',
  'index',
  'totals',
  'whitelist',
  'accounts',
  'moved',
  'events',
  'other',
] as const

/** One of them. */
export type KeyKind = (typeof KEY_KINDS)[number]

/** What a key begins with, of those that are told apart by that, and its kind. */
export const SHARD_KINDS: readonly [begin: string, kind: KeyKind][] = [
  ['torrents:{', 'index'],
  ['totals:{', 'totals'],
  ['whitelist:{', 'whitelist'],
  ['accounts:{', 'accounts'],
  ['moved:{', 'moved'],
  ['events', 'events'],
]

/** What follows the prefix in the key of a swarm: `swarm:{09a}:` and 40 hex digits. */
export const SWARM_NAME_CHARS = 52

/** The kind of a key; the instrumented scripts tell it by the same table. */
export function kindOfKey(prefix: string, key: string): KeyKind {
  if (!key.startsWith(prefix)) return 'other'
  const name = key.slice(prefix.length)
  if (name.startsWith('swarm:{') && name.length >= SWARM_NAME_CHARS) {
    const rest = name.slice(SWARM_NAME_CHARS)
    if (rest === '') return 'swarm'
    return rest === ':done' ? 'done' : rest.startsWith(':') ? 'chunk' : 'other'
  }
  return SHARD_KINDS.find(([begin]) => name.startsWith(begin))?.[1] ?? 'other'
}
