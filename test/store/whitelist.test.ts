import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeWhitelist } from '../../lib/store/whitelist.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'

const hashes = (count: number): InfoHash[] =>
  Array.from({ length: count }, (_, i) => {
    const hash = Buffer.alloc(20, 7)
    hash.writeUInt32BE(Math.imul(i, 0x9e3779b1) >>> 0)
    return hash as InfoHash
  })

describe('the whitelist', () => {
  const server = useRedis()
  const whitelist = () => makeWhitelist({ redis: server().redis, keys: makeKeys('p:') })

  it('lists torrents once, and takes them off', async () => {
    const list = whitelist()
    expect(await list.add([hashOf('a'), hashOf('b'), hashOf('a')])).toBe(2)
    expect(await list.add([hashOf('a')])).toBe(0)
    expect([await list.has(hashOf('a')), await list.has(hashOf('c'))]).toEqual([true, false])
    expect(await list.remove([hashOf('a'), hashOf('c')])).toBe(1)
    expect(await list.has(hashOf('a'))).toBe(false)
  })

  it('tells all that is listed in the order of the info hashes', async () => {
    const list = whitelist()
    const many = hashes(3000)
    expect(await list.add(many)).toBe(3000)
    const told = (await Array.fromAsync(list.scan())).flat()
    expect(told).toEqual(many.map((hash) => hash.toString('hex')).sort())
  })
})
