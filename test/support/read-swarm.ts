import assert from 'node:assert/strict'
import type { Redis } from 'ioredis'

/** What Redis holds of a swarm, read key by key without the product's code, and held against itself. */
export type RawSwarm = {
  counts: { seeders: number; leechers: number; completed: number }
  /** Peers' values by the hex of their endpoints. */
  peers: Map<string, Buffer>
  done: Set<string>
  isSmall: boolean
  chunks: number[]
}

const LISTS = ['l4', 's4', 'l6', 's6'] as const

/** Reads a swarm; undefined where there is none. Fails where counts, pieces, chunks and peers do not agree. */
export async function readSwarm(redis: Redis, hex: string, prefix = ''): Promise<RawSwarm | undefined> {
  const key = `${prefix}swarm:{${hex.slice(0, 3)}}:${hex}`
  const fields = await hashOf(redis, key)
  const head = fields.get('head')
  if (!head) {
    assert.equal(fields.size, 0, 'a swarm without a head')
    return undefined
  }
  assert.equal(head.length, 24, 'bytes of the head')
  const chunks = LISTS.map((_, i) => head.readUInt16BE(12 + 2 * i))
  const isSmall = chunks.every((count) => count === 0)
  const peers = isSmall ? peersAmong(fields) : await peersInChunks(redis, key, chunks, head.readUInt32BE(20))
  const counts = { leechers: head.readUInt32BE(0), seeders: head.readUInt32BE(4), completed: head.readUInt32BE(8) }
  for (const [name, count] of Object.entries(counts)) assert.equal(Number(fields.get(name)), count, `text of ${name}`)
  const seeders = [...peers.values()].filter((value) => value[0] === 1).length
  assert.deepEqual([counts.seeders, counts.leechers], [seeders, peers.size - seeders], 'counts')
  assert.deepEqual(piecesOf(fields), expectedPieces(peers), 'pieces')
  const done = ((await redis.callBuffer('ZRANGE', [`${key}:done`, 0, -1])) as Buffer[]).map((id) => id.toString('hex'))
  return { counts, peers, done: new Set(done), isSmall, chunks }
}

async function hashOf(redis: Redis, key: string): Promise<Map<string, Buffer>> {
  const flat = (await redis.callBuffer('HGETALL', [key])) as Buffer[]
  const fields = new Map<string, Buffer>()
  for (let i = 0; i < flat.length; i += 2) fields.set(flat[i]?.toString('latin1') ?? '', flat[i + 1] as Buffer)
  return fields
}

const isEndpoint = (field: string) => field.length === 6 || field.length === 18

function peersAmong(fields: Map<string, Buffer>): Map<string, Buffer> {
  const peers = [...fields].filter(([field]) => isEndpoint(field))
  return new Map(peers.map(([field, value]) => [Buffer.from(field, 'latin1').toString('hex'), value]))
}

async function peersInChunks(redis: Redis, key: string, chunks: number[], salt: number): Promise<Map<string, Buffer>> {
  const peers = new Map<string, Buffer>()
  for (const [list, name] of LISTS.entries()) {
    for (let number = 0; number < (chunks[list] ?? 0); number++) {
      const chunk = peersAmong(await hashOf(redis, `${key}:${name}:${number.toString(16).padStart(4, '0')}`))
      for (const [id, value] of chunk) {
        assert(!peers.has(id), 'a peer in two chunks')
        assert.equal(value[0], list % 2, 'the role of a peer in its chunk')
        assert.equal(number, chunkOf(Buffer.from(id, 'hex'), salt, chunks[list] as number), 'the chunk of a peer')
        peers.set(id, value)
      }
    }
  }
  return peers
}

/** Where linear hashing puts an endpoint: a polynomial of its 2 or 3 byte parts at the salt, modulo a prime. */
function chunkOf(endpoint: Buffer, salt: number, chunks: number): number {
  const width = endpoint.length === 6 ? 2 : 3
  let hash = 0
  for (let at = 0; at < endpoint.length; at += width) hash = (hash * salt + endpoint.readUIntBE(at, width)) % 1048573
  const half = 2 ** Math.floor(Math.log2(chunks))
  const number = hash % (2 * half)
  return number < chunks ? number : number - half
}

function piecesOf(fields: Map<string, Buffer>): string[] {
  const found: string[] = []
  for (const [field, piece] of fields) {
    const match = /^([ls])([46]):[0-9a-f]{4}$/.exec(field)
    if (!match) continue
    const width = match[2] === '6' ? 18 : 6
    assert.equal(piece.length % width, 0)
    for (let at = 0; at < piece.length; at += width) {
      found.push(`${match[1]}${piece.subarray(at, at + width).toString('hex')}`)
    }
  }
  return found.sort()
}

const expectedPieces = (peers: Map<string, Buffer>): string[] =>
  [...peers].map(([id, value]) => `${value[0] === 1 ? 's' : 'l'}${id}`).sort()
