import { describe, expect, it } from 'vitest'
import { makeAccountReader } from '../../lib/store/accounts.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const PEER_ID = Buffer.from('-RS0001-abcdefghijkl')
const reader = (prefix = '') => makeAccountReader({ redis: server().redis, keys: makeKeys(prefix) })
const allOf = async () => new Map(await Array.fromAsync(reader().all()))

/** What a passkey's peer says of itself in one swarm. */
const said = (passkey: string, digits: string, downloaded: bigint, uploaded: bigint) =>
  announceOf({
    infoHash: hashOf(digits),
    report: makeReport(PEER_ID, downloaded, 1n, uploaded),
    event: EVENT.none,
    passkey,
  })

describe('accounts', () => {
  it('are what was moved in all shards together, for one and for all', async () => {
    const store = storeOn(server().redis)
    for (const digits of ['000', '7ff', 'fff']) {
      await store.announce([said('alice', digits, 0n, 0n), said('alice', digits, 3n, 5n)])
    }
    await store.announce([{ ...said('bob', 'abc', 1n, 2n) }, { ...said('bob', 'abc', 11n, 2n) }])
    const [alice, bob] = [
      { uploaded: 15n, downloaded: 9n },
      { uploaded: 0n, downloaded: 10n },
    ]
    const nobody = { uploaded: 0n, downloaded: 0n }
    expect(await reader().of('alice')).toEqual(alice)
    expect(await reader().of('carol')).toEqual(nobody)
    expect(await allOf()).toEqual(
      new Map([
        ['alice', alice],
        ['bob', bob],
      ]),
    )
    expect(await reader('other:').of('alice')).toEqual(nobody)
  })

  it('are exact where numbers of JavaScript are not', async () => {
    await server().redis.hset('accounts:{000}', 'alice:up', '9223372036854775807')
    await server().redis.hset('accounts:{001}', 'alice:up', '9223372036854775807')
    expect((await reader().of('alice')).uploaded).toBe(18_446_744_073_709_551_614n)
    expect((await allOf()).get('alice')?.uploaded).toBe(18_446_744_073_709_551_614n)
  })

  it('are all read of a shard that holds more than one answer', async () => {
    const passkeys = Array.from({ length: 3000 }, (_, i) => `key${i}`)
    await server().redis.hset('accounts:{abc}', Object.fromEntries(passkeys.map((key, i) => [`${key}:down`, i])))
    const all = await allOf()
    expect(passkeys.map((key) => Number(all.get(key)?.downloaded))).toEqual(passkeys.map((_, i) => i))
  })

  it("pass over what is nobody's, and name the key of an amount that is none", async () => {
    await server().redis.hset('accounts:{abc}', { 'a note': 'of the operator', 'alice:up': '1' })
    expect(await allOf()).toEqual(new Map([['alice', { uploaded: 1n, downloaded: 0n }]]))
    await server().redis.hset('accounts:{abc}', { 'alice:up': '-1' })
    await expect(reader().of('alice')).rejects.toThrow('damaged accounts:{abc}')
    await expect(allOf()).rejects.toThrow('damaged accounts:{abc}')
  })
})
