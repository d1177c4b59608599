import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { loadScript } from '../../lib/store/scripts.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { until, useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const ANNOUNCE = loadScript('announce').id
const PEER = at('192.0.2.7')
/** An announce of each kind, by a peer that leeched before. */
const KINDS: [
  kind: string,
  announce: StoredAnnounce,
  after: { seeders: number; leechers: number; completed: number },
][] = [
  ['without event', announceOf({ endpoint: PEER }), { seeders: 0, leechers: 2, completed: 0 }],
  [
    'started',
    announceOf({ endpoint: at('192.0.2.8'), event: EVENT.started }),
    { seeders: 0, leechers: 3, completed: 0 },
  ],
  [
    'completed',
    announceOf({ endpoint: PEER, event: EVENT.completed, isSeeder: true }),
    { seeders: 1, leechers: 1, completed: 1 },
  ],
  ['stopped', announceOf({ endpoint: PEER, event: EVENT.stopped }), { seeders: 0, leechers: 1, completed: 0 }],
]

/** A way to a Redis that can lose what it answers: the reply is swallowed, or the connection cut in its place. */
async function losingWay(socket: string) {
  let loses: 'nothing' | 'the reply' | 'the connection' = 'nothing'
  let calls = 0
  const proxy = createServer((near) => {
    const far = createConnection(socket)
    let isSilent = false
    near.pipe(far)
    near.on('data', (bytes) => {
      calls += bytes.toString('latin1').split(`FCALL\r\n$${ANNOUNCE.length}\r\n${ANNOUNCE}`).length - 1
    })
    far.on('data', (bytes) => {
      // What is lost of a stream is lost for good.
      isSilent ||= loses === 'the reply'
      if (loses === 'the connection') near.destroy()
      else if (!isSilent) near.write(bytes)
    })
    const ends: Socket[] = [near, far]
    for (const end of ends) {
      end.on('error', () => {})
      end.on('close', () => void ends.map((each) => each.destroy()))
    }
    onTestFinished(() => void ends.map((end) => end.destroy()))
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => void proxy.close())
  return {
    url: `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    lose: (what: typeof loses) => {
      loses = what
    },
    /** Calls of announces that went this way. */
    calls: () => calls,
  }
}

describe.each(['the reply', 'the connection'] as const)('a call whose answer is lost with %s', (what) => {
  it.each(KINDS)(
    'is not sent again, and what the client sends again changes nothing: %s',
    async (_, announce, after) => {
      const way = await losingWay(server().socket)
      const redis = await connectRedis(way.url)
      onTestFinished(() => redis.disconnect())
      const store = storeOn(redis)
      await store.ready
      const others = [announceOf({ endpoint: PEER }), announceOf({ endpoint: at('192.0.2.9') })]
      for (const other of others) expect(await store.announce([other])).toMatchObject([{ ok: true }])
      const before = way.calls()
      way.lose(what)
      const refusal = what === 'the reply' ? 'slow' : 'away'
      expect(await store.announce([announce])).toEqual([{ ok: false, refusal }])
      way.lose('nothing')
      await until('the connection to be there again', async () => {
        const [counts] = await store.scrape([hashOf('a')])
        return typeof counts === 'object'
      })
      // It was done, once, though nobody was told.
      expect(way.calls()).toBe(before + 1)
      expect(await store.scrape([hashOf('a')])).toEqual([after])
      expect(await store.announce([announce])).toMatchObject([{ ok: true, ...after }])
      expect((await auditAll({ redis: server().redis, keys: makeKeys(''), peerLifetimeS: 3900 })).faults).toEqual([])
    },
  )
})
