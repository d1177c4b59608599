import { fieldsOf } from '../../../lib/store/check-server.ts'
import { type KeyKind, kindOfKey } from './kinds.ts'
import type { Redis } from './stats.ts'

/** A swarm whose peers are in its own hash, or in chunks; the other kinds are those of the instrumented scripts. */
export const MEMORY_KINDS = [
  'small swarm',
  'large swarm',
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
export type MemoryKind = (typeof MEMORY_KINDS)[number]

/** What the keys of a kind take. `bytes` is scaled up from the sample, `errorBytes` the half of its 95 % interval. */
export type KindMemory = {
  kind: MemoryKind
  keys: number
  sampled: number
  bytes: number
  errorBytes: number
  encodings: Record<string, number>
}

/** The memory of a Redis by kind of key, next to what Redis itself tells. */
export type MemoryReport = {
  kinds: KindMemory[]
  /** All kinds together; Redis counts a key's entry in the key space here, and not in `datasetBytes`. */
  kindBytes: number
  keys: number
  keysSeen: number
  datasetBytes: number
  usedBytes: number
  /** What Redis needs beside the data: its own start, buffers of clients and of the AOF, the tables of keys. */
  overheadBytes: number
}

/** Keys looked at by MEMORY USAGE for each kind: one in 1,500 of a million swarms, within 1 or 2 %. */
const SAMPLE_PER_KIND = 1500
/** Keys named at most: 10 s. What is past that is taken to be like what was seen. */
const KEYS_SEEN_MAX = 4_000_000
const SCAN_COUNT = 1000
const PIPELINE = 250
/** Bytes of `dictEntry`, which MEMORY USAGE counts with a key and `used_memory_dataset` does not. */
export const ENTRY_BYTES = 24

/** Counts the keys by kind, and weighs a random sample of each. */
export async function readMemory(redis: Redis, prefix: string, random: () => number): Promise<MemoryReport> {
  const { counts, samples, seen } = await scanKeys(redis, prefix, random)
  const info = fieldsOf(await redis.info('memory'))
  const keys = Number(await redis.call('DBSIZE'))
  const scale = seen < KEYS_SEEN_MAX ? 1 : keys / seen
  const kinds: KindMemory[] = []
  for (const kind of MEMORY_KINDS) {
    const count = Math.round((counts.get(kind) ?? 0) * scale)
    if (count > 0) kinds.push({ kind, keys: count, ...(await weigh(redis, samples.get(kind) ?? [], count)) })
  }
  const number = (field: string) => Number(info.get(field))
  return {
    kinds,
    kindBytes: kinds.reduce((sum, { bytes }) => sum + bytes, 0),
    keys,
    keysSeen: seen,
    datasetBytes: number('used_memory_dataset'),
    usedBytes: number('used_memory'),
    overheadBytes: number('used_memory_overhead'),
  }
}

/** Names all keys, each once; keeps a random sample of each kind (reservoirs). */
async function scanKeys(redis: Redis, prefix: string, random: () => number) {
  const large = await largeSwarms(redis, prefix)
  const counts = new Map<MemoryKind, number>()
  const samples = new Map<MemoryKind, string[]>()
  let seen = 0
  await eachKey(redis, (key) => {
    const kind = memoryKind(kindOfKey(prefix, key), large.has(key))
    const count = (counts.get(kind) ?? 0) + 1
    const sample = samples.get(kind) ?? []
    counts.set(kind, count)
    samples.set(kind, sample)
    seen += 1
    if (sample.length < SAMPLE_PER_KIND) sample.push(key)
    else {
      const at = Math.floor(random() * count)
      if (at < SAMPLE_PER_KIND) sample[at] = key
    }
  })
  return { counts, samples, seen }
}

const memoryKind = (kind: KeyKind, isLarge: boolean): MemoryKind =>
  kind !== 'swarm' ? kind : isLarge ? 'large swarm' : 'small swarm'

/** The keys of swarms that have chunks. */
async function largeSwarms(redis: Redis, prefix: string): Promise<Set<string>> {
  const large = new Set<string>()
  await eachKey(redis, (key) => {
    if (kindOfKey(prefix, key) === 'chunk') large.add(key.slice(0, key.lastIndexOf(':') - ':s4'.length))
  })
  return large
}

async function eachKey(redis: Redis, look: (key: string) => void): Promise<void> {
  let cursor = '0'
  let seen = 0
  do {
    const [next, keys] = await redis.scan(cursor, 'COUNT', SCAN_COUNT)
    // A key may come twice while Redis moves its table to a larger one: rare, and once in a thousand at most.
    for (const key of keys) look(key)
    seen += keys.length
    cursor = next
  } while (cursor !== '0' && seen < KEYS_SEEN_MAX)
}

/** The mean of a sample, times all; all of them where the sample has all. */
async function weigh(redis: Redis, sample: readonly string[], count: number) {
  const sizes: number[] = []
  const encodings: Record<string, number> = {}
  for (let from = 0; from < sample.length; from += PIPELINE) {
    const pipeline = redis.pipeline()
    for (const key of sample.slice(from, from + PIPELINE)) {
      pipeline.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')
      pipeline.call('OBJECT', 'ENCODING', key)
    }
    const answers = (await pipeline.exec()) ?? []
    for (let i = 0; i < answers.length; i += 2) {
      const [bytes, encoding] = [answers[i]?.[1], answers[i + 1]?.[1]]
      if (typeof bytes !== 'number') continue // it went since
      sizes.push(bytes)
      encodings[String(encoding)] = (encodings[String(encoding)] ?? 0) + 1
    }
  }
  return { sampled: sizes.length, encodings, ...scaledUp(sizes, count) }
}

/** What `count` keys take by a sample of their sizes, and the half of the 95 % interval of that (finite population). */
export function scaledUp(sizes: readonly number[], count: number): { bytes: number; errorBytes: number } {
  const size = sizes.length
  if (size === 0) return { bytes: 0, errorBytes: 0 }
  const mean = sizes.reduce((sum, each) => sum + each, 0) / size
  const variance = sizes.reduce((sum, each) => sum + (each - mean) ** 2, 0) / Math.max(1, size - 1)
  const left = Math.max(0, 1 - size / count)
  return {
    bytes: Math.round(mean * count),
    errorBytes: Math.round(1.96 * count * Math.sqrt((variance / size) * left)),
  }
}
