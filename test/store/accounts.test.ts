import { expect, it } from 'vitest'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const PEER_ID = Buffer.from('-RS0001-abcdefghijkl')
const GIB = 2n ** 30n

/** Alice's announces of these uploads, one after another; answers what she is credited. */
async function creditOf(...uploads: readonly bigint[]): Promise<Record<string, string>> {
  const store = storeOn(server().redis)
  for (const uploaded of uploads) {
    const report = makeReport(PEER_ID, 0n, 1n, uploaded)
    await store.announce([announceOf({ report, event: EVENT.none, passkey: 'alice' })])
  }
  return server().redis.hgetall('accounts:{a00}')
}

it.each([
  ['what was moved between two announces', [0n, 5n * GIB, 7n * GIB], { 'alice:up': String(7n * GIB) }],
  ['as much as a fast line moves in a quarter of an hour', [0n, 9_000_000_000_000n], { 'alice:up': '9000000000000' }],
  ['nothing for more than any line moves', [0n, 9_000_000_000_001n], {}],
  ['nothing for the largest number there is', [0n, 2n ** 64n - 1n], {}],
  ['nothing for a step between numbers that no client reaches', [2n ** 63n, 2n ** 63n + GIB], {}],
  ['what comes after a lie', [0n, 10n ** 13n, 10n ** 13n + GIB], { 'alice:up': String(GIB) }],
])('an account is credited %s', async (_, uploads, credited) => {
  expect(await creditOf(...uploads)).toEqual(credited)
})

it('an account is credited once for what a client at two addresses tells of at both, and at a new one', async () => {
  const store = storeOn(server().redis)
  const announce = (address: string, uploaded: bigint) =>
    store.announce([
      announceOf({ endpoint: at(address), report: makeReport(PEER_ID, 0n, 1n, uploaded), passkey: 'alice' }),
    ])
  for (const uploaded of [0n, 1000n, 2000n])
    for (const address of ['192.0.2.1', '2001:db8::1']) await announce(address, uploaded)
  await announce('198.51.100.7', 2500n)
  expect(await server().redis.hgetall('accounts:{a00}')).toEqual({ 'alice:up': '2500' })
  const [moved = ''] = await server().redis.keys('moved:*')
  expect(moved).toBe(`moved:{a00}:${hashOf('a').toString('hex')}:alice:${PEER_ID}`)
  expect(await server().redis.ttl(moved)).toBeGreaterThan(3800)
})

it('an account is credited nothing at the first announce of another client that has the same endpoint', async () => {
  const store = storeOn(server().redis)
  const announce = async (client: string, passkey: string, uploaded: bigint) => {
    const report = makeReport(Buffer.from(client.padEnd(20, '.')), 0n, 1n, uploaded)
    await store.announce([announceOf({ report, passkey })])
    return server().redis.hgetall('accounts:{a00}')
  }
  await announce('one', 'alice', 0n)
  expect(await announce('one', 'alice', 100n)).toEqual({ 'alice:up': '100' })
  // What it says was credited where it was before.
  expect(await announce('two', 'bob', 5000n)).toEqual({ 'alice:up': '100' })
  expect(await announce('two', 'bob', 5001n)).toEqual({ 'alice:up': '100', 'bob:up': '1' })
  expect(await announce('three', 'bob', 9000n)).toEqual({ 'alice:up': '100', 'bob:up': '1' })
})
