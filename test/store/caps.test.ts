import { describe, expect, it } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import type { StoredAnnounce, StoredReply, TorrentBar } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { takeSnapshot } from '../support/read-swarm.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const keys = makeKeys('')
const drift = async () => (await auditAll({ redis: server().redis, keys, peerLifetimeS: 3900 })).faults
const outcomeOf = (reply: StoredReply) => (reply.ok ? 'ok' : reply.refusal)
const peers = (count: number, changes: Partial<StoredAnnounce> = {}) =>
  Array.from({ length: count }, (_, i) => announceOf({ endpoint: at('192.0.2.1', 1000 + i), numwant: 0, ...changes }))

it('an announce is told to have added its torrent where it was not there, and no other is', async () => {
  const { announce } = storeOn(server().redis)
  const replies = await announce([
    announceOf({ event: EVENT.stopped }),
    announceOf({ isSeeder: true, event: EVENT.completed, passkey: 'a' }),
    announceOf({ endpoint: at('192.0.2.2') }),
    announceOf({ isSeeder: true }),
    announceOf({ isSeeder: true, event: EVENT.stopped }),
    announceOf({ endpoint: at('192.0.2.2'), event: EVENT.stopped }),
    announceOf({ isSeeder: true }),
  ])
  const added = replies.map((reply) => reply.ok && reply.isNewTorrent)
  // It stays for the download that was completed: that it fills again is nothing new.
  expect(added).toEqual([false, true, false, false, false, false, false])
  expect(replies[1]).toMatchObject({ seeders: 1, completed: 1, peers: Buffer.alloc(0) })
})

describe.each(['torrents', 'address_torrents'] as const satisfies TorrentBar[])('an announce barred by %s', (bar) => {
  it('is refused where its torrent is not there, and leaves nothing, whatever it says', async () => {
    const { redis } = server()
    const { announce } = storeOn(redis)
    const replies = await announce([
      announceOf({ bar }),
      announceOf({ bar, isSeeder: true, event: EVENT.completed }),
      announceOf({ bar, wantsPeerIds: true, passkey: 'alice' }),
      announceOf({ bar, endpoint: at('2001:db8::1'), event: EVENT.started }),
    ])
    expect(replies).toEqual(replies.map(() => ({ ok: false, refusal: bar })))
    expect(await redis.dbsize()).toBe(0)
  })

  it('is answered where its torrent is there, empty or not, as are all that come with it', async () => {
    const { redis } = server()
    const { announce, scrape } = storeOn(redis)
    await announce([
      announceOf({ isSeeder: true }),
      announceOf({ infoHash: hashOf('b'), isSeeder: true, event: EVENT.completed }),
      announceOf({ infoHash: hashOf('b'), isSeeder: true, event: EVENT.stopped }),
    ])
    const replies = await announce([
      announceOf({ bar, endpoint: at('192.0.2.2'), passkey: 'alice' }),
      announceOf({ bar, infoHash: hashOf('b'), endpoint: at('192.0.2.2') }),
      announceOf({ bar, infoHash: hashOf('c'), passkey: 'bob', wantsPeerIds: true }),
      announceOf({ infoHash: hashOf('d') }),
      announceOf({ bar, infoHash: hashOf('d'), event: EVENT.stopped }),
      announceOf({ bar, infoHash: hashOf('d'), event: EVENT.stopped }),
      announceOf({ bar, infoHash: hashOf('d') }),
    ])
    expect(replies.map(outcomeOf)).toEqual(['ok', 'ok', bar, 'ok', 'ok', 'ok', bar])
    expect(replies[0]).toMatchObject({ peers: at('192.0.2.1'), isNewTorrent: false })
    const counts = await scrape(['a', 'b', 'c', 'd'].map(hashOf))
    expect(counts).toMatchObject([{ leechers: 1 }, { leechers: 1, completed: 1 }, { leechers: 0 }, { leechers: 0 }])
    expect(await drift()).toEqual([])
  })
})

describe.each([
  ['small', 6],
  ['large', 90],
])('a %s swarm of as many peers as it may have', (_, swarmPeersMax) => {
  it('refuses those who are new, and is as it was, on each path that they may come by', async () => {
    const { redis } = server()
    const { announce } = storeOn(redis, { swarmPeersMax })
    const replies = await announce(peers(swarmPeersMax))
    expect(replies.map(outcomeOf)).toEqual(replies.map(() => 'ok'))
    const before = await takeSnapshot(redis)
    const refused = await announce([
      announceOf({ endpoint: at('192.0.2.2') }),
      announceOf({ endpoint: at('192.0.2.2'), isSeeder: true, event: EVENT.completed, passkey: 'alice' }),
      announceOf({ endpoint: at('2001:db8::1'), event: EVENT.started }),
    ])
    expect(refused).toEqual(refused.map(() => ({ ok: false, refusal: 'swarm_peers' })))
    expect(await takeSnapshot(redis)).toEqual(before)
  })

  it('goes on serving those who are in it, whatever their role, and lets others in once some have left', async () => {
    const { redis } = server()
    const { announce } = storeOn(redis, { swarmPeersMax })
    await announce(peers(swarmPeersMax))
    const half = swarmPeersMax / 2
    const others = await announce([
      ...peers(half, { isSeeder: true, event: EVENT.completed }),
      ...peers(swarmPeersMax, { numwant: 30 }).slice(half),
      announceOf({ infoHash: hashOf('b') }),
    ])
    expect(others.map(outcomeOf)).toEqual(others.map(() => 'ok'))
    expect(others.at(-2)).toMatchObject({ seeders: half, leechers: half, completed: half })
    const stop = announceOf({ endpoint: at('192.0.2.1', 1000), isSeeder: true, event: EVENT.stopped })
    const newcomers = [1, 2].map((port) => announceOf({ endpoint: at('192.0.2.2', port) }))
    expect((await announce([stop, ...newcomers])).map(outcomeOf)).toEqual(['ok', 'ok', 'swarm_peers'])
    // Where the bound has been lowered, too.
    const lowered = await storeOn(redis, { swarmPeersMax: 2 }).announce([
      announceOf({ endpoint: at('192.0.2.1', 1001) }),
      announceOf({ endpoint: at('192.0.2.3') }),
    ])
    expect(lowered.map(outcomeOf)).toEqual(['ok', 'swarm_peers'])
    expect(await drift()).toEqual([])
  })
})
