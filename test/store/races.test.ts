import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeShardSweeper } from '../../lib/store/sweep.ts'
import { EVENT, type Event } from '../../lib/wire/announce.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { encodeBytes } from '../../lib/wire/query.ts'
import { parseUdpReply } from '../../lib/wire/udp-reply.ts'
import { ACTION } from '../../lib/wire/udp-request.ts'
import { announceTarget, decode, type HttpAnnounceAnswer, HttpClient } from '../support/http-client.ts'
import { type RawSwarm, readSwarm } from '../support/read-swarm.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const A = hashOf('a')
/** A busy machine may be slow; what is lost on the loopback never comes. */
const REPLY_MS_MAX = 15_000

/** What a peer at 127.0.0.1 tells: all the rest is the same for all. */
type Told = { port: number; isSeeder?: boolean; event?: Event; infoHash?: InfoHash }
type Answer = { seeders: number; leechers: number }
/** Announces to one frontend by one protocol. */
type Door = (told: Told) => Promise<Answer>

const HTTP_EVENTS = { [EVENT.completed]: 'completed', [EVENT.started]: 'started', [EVENT.stopped]: 'stopped' } as const

function udpDoor(client: UdpClient): Door {
  return async ({ port, isSeeder = false, event = EVENT.none, infoHash = A }) => {
    const request = client.announceRequest({ port, left: isSeeder ? 0n : 1n, event, infoHash, numwant: 10 })
    const reply = await client.exchange(request, REPLY_MS_MAX)
    const parsed = reply && parseUdpReply(reply)
    if (!parsed?.ok || parsed.value.action !== ACTION.announce) throw new Error('no announce reply came by UDP')
    return parsed.value
  }
}

function httpDoor(client: HttpClient): Door {
  return async ({ port, isSeeder = false, event = EVENT.none, infoHash = A }) => {
    const named = event === EVENT.none ? undefined : HTTP_EVENTS[event]
    const changes = { info_hash: encodeBytes(infoHash), port, left: isSeeder ? 0 : 1, event: named, compact: 1 }
    const answer = decode((await client.get(announceTarget(changes))).body) as HttpAnnounceAnswer
    if (answer['failure reason'] !== undefined) throw new Error(answer['failure reason'])
    return { seeders: answer.complete, leechers: answer.incomplete }
  }
}

/** Opens UDP and HTTP of two frontends: each takes every fourth of what is announced in turn. */
async function withFrontends(
  redisUrl: string,
  settings: Record<string, string>,
  test: (doors: [Door, Door, Door, Door]) => Promise<void>,
): Promise<void> {
  const open = async ({ udpPort, httpUrl }: TestTracker) => {
    const [udp, http] = [await UdpClient.open(udpPort), await HttpClient.open(httpUrl)]
    await udp.connect()
    return { doors: [udpDoor(udp), httpDoor(http)] as const, clients: [udp, http] }
  }
  await withTracker(redisUrl, { roles: ['udp', 'http'], settings }, (one) =>
    withTracker(redisUrl, { roles: ['udp', 'http'], settings }, async (two) => {
      const [first, second] = [await open(one), await open(two)]
      try {
        await test([first.doors[0], second.doors[1], second.doors[0], first.doors[1]])
      } finally {
        for (const client of [...first.clients, ...second.clients]) client.close()
      }
    }),
  )
}

/**
 * Reads swarms again and again while something is at work: at each moment the counts, the pieces and the peers agree
 * (`readSwarm` fails where they do not). Answers how often it looked.
 */
async function whileWatched(
  redis: Redis,
  infoHashes: readonly InfoHash[],
  work: () => Promise<void>,
  check: (swarm: RawSwarm) => void = () => {},
): Promise<number> {
  let isOver = false
  let looks = 0
  const watch = async () => {
    while (!isOver) {
      for (const infoHash of infoHashes) {
        const swarm = await readSwarm(redis, infoHash.toString('hex'))
        if (swarm) check(swarm)
        looks += 1
      }
      await sleep(2)
    }
  }
  const working = work().finally(() => {
    isOver = true
  })
  await Promise.all([working, watch()])
  return looks
}

/** Announces by all doors at once, a window of them at a time. */
async function announceAll(doors: readonly Door[], all: readonly Told[], shift = 0): Promise<void> {
  const WINDOW = 120
  for (let from = 0; from < all.length; from += WINDOW) {
    const window = all.slice(from, from + WINDOW)
    await Promise.all(window.map((told, i) => doors[(i + shift) % doors.length]?.(told)))
  }
}

describe('races', () => {
  const server = useRedis()
  const swarmOf = (infoHash: InfoHash) => readSwarm(server().redis, infoHash.toString('hex'))

  it('100 identical announces on two stores make one peer and one completed download', async () => {
    const { redis } = server()
    const other = redis.duplicate()
    const stores = [storeOn(redis), storeOn(other)]
    const announce = announceOf({ isSeeder: true, event: EVENT.completed })
    const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => stores[i % 2]?.announce([announce])))
    other.disconnect()
    for (const reply of replies.flat()) expect(reply).toMatchObject({ ok: true, seeders: 1, leechers: 0, completed: 1 })
    expect(await swarmOf(A)).toMatchObject({ counts: { seeders: 1, leechers: 0, completed: 1 } })
  })

  it('100 identical announces by UDP and HTTP on two frontends make one peer and one completed download', () =>
    withFrontends(server().url, {}, async (doors) => {
      const told: Told = { port: 6881, isSeeder: true, event: EVENT.completed }
      const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => doors[i % 4]?.(told)))
      for (const answer of answers) expect(answer).toMatchObject({ seeders: 1, leechers: 0 })
      const swarm = await swarmOf(A)
      expect(swarm?.counts).toEqual({ seeders: 1, leechers: 0, completed: 1 })
      expect(swarm?.done.size).toBe(1)
    }))

  it.each([8, 400])('a peer that changes roles on two frontends at once ends in one, in a swarm of %i', (peers) =>
    withFrontends(server().url, {}, async (doors) => {
      const all = Array.from({ length: peers }, (_, i) => 1000 + i)
      await announceAll(
        doors,
        all.map((port) => ({ port })),
      )
      const changing = all.slice(0, 40)
      const looks = await whileWatched(
        server().redis,
        [A],
        async () => {
          for (let round = 0; round < 10; round++) {
            const [one, two] = round % 2 === 0 ? [doors[0], doors[1]] : [doors[2], doors[3]]
            await Promise.all(
              changing.flatMap((port) => [one({ port, isSeeder: true }), two({ port, isSeeder: false })]),
            )
          }
        },
        ({ counts }) => expect(counts.seeders + counts.leechers).toBe(peers),
      )
      expect(looks).toBeGreaterThan(3)
      expect((await swarmOf(A))?.peers.size).toBe(peers)
      await announceAll(
        doors,
        changing.map((port) => ({ port, isSeeder: true })),
      )
      expect((await swarmOf(A))?.counts).toMatchObject({ seeders: changing.length, leechers: peers - changing.length })
    }),
  )

  it('a swarm that splits its chunks under load loses no peer, nor one that gives them back', () =>
    withFrontends(server().url, {}, async (doors) => {
      const { redis } = server()
      const all = Array.from({ length: 1500 }, (_, i) => ({ port: 1 + i, isSeeder: i % 3 === 0 }))
      let most = 0
      let widest = 0
      // Each peer comes by one door, and at the same time those before it come again by another.
      const grows = await whileWatched(
        redis,
        [A],
        async () => {
          for (let from = 0; from < all.length; from += 300) {
            const [now, again] = [all.slice(from, from + 300), all.slice(Math.max(0, from - 300), from)]
            await Promise.all([announceAll(doors, now), announceAll(doors, again, 1)])
          }
        },
        (swarm) => {
          expect(swarm.peers.size).toBeGreaterThanOrEqual(most)
          most = swarm.peers.size
          widest = Math.max(widest, ...swarm.chunks)
        },
      )
      expect(grows).toBeGreaterThan(3)
      const grown = await swarmOf(A)
      expect(grown?.counts).toEqual({ seeders: 500, leechers: 1000, completed: 0 })
      expect(grown?.chunks[0]).toBeGreaterThan(20)
      const staying = all.filter((_, i) => i % 25 === 0)
      const leaving = all.filter((_, i) => i % 25 !== 0).map((told) => ({ ...told, event: EVENT.stopped }))
      const shrinks = await whileWatched(redis, [A], async () => {
        await Promise.all([announceAll(doors, leaving), announceAll(doors, staying, 2)])
      })
      expect(shrinks).toBeGreaterThan(3)
      const left = await swarmOf(A)
      expect([...(left?.peers.keys() ?? [])].sort()).toEqual(
        staying.map(({ port }) => at('127.0.0.1', port).toString('hex')).sort(),
      )
      expect(left?.chunks[0]).toBeLessThan(10)
    }))

  it('stops between two pieces of a sweep bring nobody to where the sweep has been', async () => {
    const { redis } = server()
    let nowS = 1_764_000_000
    const store = storeOn(redis, { peerLifetimeS: 3900 }, () => nowS)
    const sweepShard = makeShardSweeper({ redis, keys: makeKeys(''), peerLifetimeS: 3900, nowS: () => nowS })
    const crowd = Array.from({ length: 700 }, (_, i) => announceOf({ endpoint: at('198.51.100.1', 1 + i), numwant: 0 }))
    await store.announce(crowd)
    nowS += 3901
    expect((await sweepShard('a00')).hasMore).toBe(true)
    // So few stay in the chunks that are not swept yet that these would be given back to those that are.
    const staying = announceOf({ endpoint: at('198.51.100.2'), numwant: 0 })
    await store.announce([staying, ...crowd.slice(0, 640).map((peer) => ({ ...peer, event: EVENT.stopped }))])
    while ((await sweepShard('a00')).hasMore);
    expect([...((await swarmOf(A))?.peers.keys() ?? [])]).toEqual([staying.endpoint.toString('hex')])
  })

  it('two sweepers against constant announces evict no live peer, and all that fell silent', () => {
    const settings = {
      REDSWARM_ANNOUNCE_INTERVAL_S: '1',
      REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1',
      REDSWARM_PEER_LIFETIME_S: '5',
      REDSWARM_SWEEP_INTERVAL_S: '1',
    }
    const hashes = [hashOf('a1'), hashOf('a2')] as const
    return withTracker(server().url, { roles: ['sweeper'], settings }, () =>
      withTracker(server().url, { roles: ['sweeper'], settings }, () =>
        withFrontends(server().url, settings, async (doors) => {
          const { redis } = server()
          const sweepShard = makeShardSweeper({ redis, keys: makeKeys(''), peerLifetimeS: 5 })
          const everybody = Array.from({ length: 800 }, (_, i) => ({
            port: 1 + i,
            infoHash: hashes[i % 3 === 0 ? 0 : 1],
            isSeeder: i % 2 === 0,
          }))
          const alive = everybody.slice(0, 400)
          const aliveIn = hashes.map((hash) => alive.filter(({ infoHash }) => infoHash === hash))
          await announceAll(doors, everybody)
          const sizes = () => Promise.all(hashes.map(async (hash) => (await swarmOf(hash))?.peers.size))
          const isQuiet = async () => (await sizes()).every((size, i) => size === aliveIn[i]?.length)
          const startMs = performance.now()
          const looks = await whileWatched(redis, hashes, async () => {
            // For so long that who announced at the start alone would be gone.
            while (performance.now() < startMs + 7500 || (performance.now() < startMs + 30_000 && !(await isQuiet()))) {
              await announceAll(doors, alive, Math.floor(performance.now()) % 4)
              await Promise.all(['a10', 'a20', 'a10', 'a20'].map(sweepShard))
              for (const [i, hash] of hashes.entries()) {
                const swarm = await swarmOf(hash)
                const gone = aliveIn[i]?.filter(({ port }) => !swarm?.peers.has(at('127.0.0.1', port).toString('hex')))
                expect(gone).toEqual([])
              }
            }
          })
          expect(looks).toBeGreaterThan(3)
          expect(await sizes()).toEqual(aliveIn.map(({ length }) => length))
        }),
      ),
    )
  })
})
