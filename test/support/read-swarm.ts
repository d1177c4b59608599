import assert from 'node:assert/strict'
import type { Redis } from 'ioredis'

/** What Redis holds of a swarm, read without the product's code, and held against itself. */
export type RawSwarm = {
  counts: { seeders: number; leechers: number; completed: number }
  /** Peers' values by the hex of their endpoints. */
  peers: Map<string, Buffer>
  /** When a completed download was counted, by the hex of its endpoint. */
  done: Map<string, number>
  isSmall: boolean
  /** How many chunks each of `LISTS` has; all zero in a small swarm. */
  chunks: number[]
  /** The most peers in one chunk, or in one piece of a small swarm. */
  fullest: number
  isHalfSwept: boolean
}

/** Keys and what they hold, as flat as Redis replies: fields and values, members and scores; a stream's fields and values. */
export type Snapshot = Map<string, Buffer[]>

/** The lists of a swarm's peers, in the order of their chunk counts in the head. */
export const LISTS = ['l4', 's4', 'l6', 's6'] as const

/** Lua that reads all the keys of a pattern into `look`, each followed by what it holds. */
export const LOOK = `
local look, readers = {}, { hash = 'HGETALL', set = 'SMEMBERS', string = 'GET' }
for i, key in ipairs(redis.call('KEYS', pattern)) do
  local kind = redis.call('TYPE', key).ok
  look[2 * i - 1] = key
  if kind == 'zset' then look[2 * i] = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'stream' then
    local told = {}
    for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
      for _, text in ipairs(entry[2]) do told[#told + 1] = text end
    end
    look[2 * i] = told
  else look[2 * i] = redis.call(readers[kind], key) end
end`

/** What `LOOK` answers, by key. */
export function toSnapshot(look: readonly unknown[]): Snapshot {
  const keys: Snapshot = new Map()
  for (let i = 0; i < look.length; i += 2) {
    const held = look[i + 1]
    keys.set(String(look[i]), Array.isArray(held) ? held : [held as Buffer])
  }
  return keys
}

/** All keys that Redis holds under a pattern, at one moment: one script reads them. */
export async function takeSnapshot(redis: Redis, pattern = '*'): Promise<Snapshot> {
  const text = `local pattern = ARGV[1] ${LOOK} return look`
  return toSnapshot((await redis.callBuffer('EVAL', [text, 0, pattern])) as unknown[])
}

/** Reads a swarm; undefined where there is none. Fails where counts, pieces, chunks and peers do not agree. */
export async function readSwarm(redis: Redis, hex: string, prefix = ''): Promise<RawSwarm | undefined> {
  return swarmIn(await takeSnapshot(redis, `${prefix}swarm:{${hex.slice(0, 3)}}:${hex}*`), hex, prefix)
}

/** A swarm as a snapshot has it; its keys are taken out of the snapshot, so that what is left belongs to no swarm. */
export function swarmIn(keys: Snapshot, hex: string, prefix = ''): RawSwarm | undefined {
  const key = `${prefix}swarm:{${hex.slice(0, 3)}}:${hex}`
  const take = (name: string): Buffer[] => {
    const held = keys.get(name) ?? []
    keys.delete(name)
    return held
  }
  const fields = pairsOf(take(key), 'latin1')
  const head = fields.get('head')
  if (!head) {
    assert.equal(fields.size, 0, 'a swarm without a head')
    return undefined
  }
  assert.equal(head.length, 24, 'bytes of the head')
  const chunks = LISTS.map((_, list) => head.readUInt16BE(12 + 2 * list))
  const salt = head.readUInt32BE(20)
  const isSmall = chunks.every((count) => count === 0)
  const peers = new Map<string, Buffer>()
  let fullest = 0
  for (const [list, name] of LISTS.entries()) {
    const count = chunks[list] as number
    if (!isSmall) assert(count > 0, 'a list without a chunk in a large swarm')
    for (let number = 0; number < Math.max(count, 1); number++) {
      const field = `${name}:${number.toString(16).padStart(4, '0')}`
      const members = isSmall ? peersOfList(fields, list) : pairsOf(take(`${key}:${field}`), 'hex')
      checkPiece(fields.get(field), members, list)
      if (isSmall) assert(members.size * (list >= 2 ? 18 : 6) <= 60, 'a long piece in a small swarm')
      fields.delete(field)
      fullest = Math.max(fullest, members.size)
      for (const [id, value] of members) {
        assert(!peers.has(id), 'a peer in two chunks')
        assert.equal(value[0], list % 2, 'the role of a peer in its chunk')
        if (count > 1) assert.equal(number, chunkOf(Buffer.from(id, 'hex'), salt, count), 'the chunk of a peer')
        peers.set(id, value)
      }
    }
  }
  if (isSmall) assert(peers.size <= 10 && !fields.has('sweep'), 'many peers or a half sweep in a small swarm')
  const counts = { leechers: head.readUInt32BE(0), seeders: head.readUInt32BE(4), completed: head.readUInt32BE(8) }
  for (const [name, count] of Object.entries(counts)) {
    // `completed` has no text before the first.
    if (name === 'completed' && count === 0 && !fields.has(name)) continue
    assert.equal(Number(fields.get(name)), count, `text of ${name}`)
  }
  let seeders = 0
  for (const value of peers.values()) seeders += value[0] === 1 ? 1 : 0
  assert.deepEqual([counts.seeders, counts.leechers], [seeders, peers.size - seeders], 'counts')
  const isHalfSwept = fields.has('sweep')
  checkFields(fields, isSmall)
  const done = new Map([...pairsOf(take(`${key}:done`), 'hex')].map(([id, score]) => [id, Number(score)]))
  return { counts, peers, done, isSmall, chunks, fullest, isHalfSwept }
}

function pairsOf(flat: readonly Buffer[], encoding: 'latin1' | 'hex'): Map<string, Buffer> {
  const pairs = new Map<string, Buffer>()
  for (let i = 0; i < flat.length; i += 2) pairs.set(flat[i]?.toString(encoding) ?? '', flat[i + 1] as Buffer)
  return pairs
}

const isEndpoint = (field: string) => field.length === 6 || field.length === 18

/** A small swarm's peers of one list, among its fields. */
function peersOfList(fields: ReadonlyMap<string, Buffer>, list: number): Map<string, Buffer> {
  const endpointBytes = list >= 2 ? 18 : 6
  const peers = new Map<string, Buffer>()
  for (const [field, value] of fields) {
    if (field.length === endpointBytes && value[0] === list % 2)
      peers.set(Buffer.from(field, 'latin1').toString('hex'), value)
  }
  return peers
}

/** A piece holds each endpoint of its chunk once; an empty one is not there. */
function checkPiece(piece: Buffer | undefined, members: ReadonlyMap<string, Buffer>, list: number): void {
  const width = list >= 2 ? 18 : 6
  if (!piece) {
    assert.equal(members.size, 0, 'peers without a piece')
    return
  }
  assert.equal(piece.length, width * members.size, 'bytes of a piece')
  assert(piece.length > 0, 'an empty piece')
  const found = new Set<string>()
  for (let at = 0; at < piece.length; at += width) found.add(piece.toString('hex', at, at + width))
  assert(found.size === members.size && [...found].every((id) => members.has(id)), 'the peers of a piece')
}

/** What a swarm's hash holds beside its pieces. */
function checkFields(fields: ReadonlyMap<string, Buffer>, isSmall: boolean): void {
  const known = new Set(['head', 'seeders', 'leechers', 'completed', 'added', 'sweep'])
  for (const [field, value] of fields) {
    if (known.has(field)) continue
    assert(isSmall && isEndpoint(field) && (value[0] === 0 || value[0] === 1), `a field that none knows: ${field}`)
  }
}

/** Where linear hashing puts an endpoint: a polynomial of its 2 or 3 byte parts at the salt, cubed, modulo a prime. */
export function chunkOf(endpoint: Buffer, salt: number, chunks: number): number {
  const width = endpoint.length === 6 ? 2 : 3
  let hash = 0
  for (let at = 0; at < endpoint.length; at += width) hash = (hash * salt + endpoint.readUIntBE(at, width)) % 1048573
  hash = (((hash * hash) % 1048573) * hash) % 1048573
  const half = 2 ** Math.floor(Math.log2(chunks))
  const number = hash % (2 * half)
  return number < chunks ? number : number - half
}
