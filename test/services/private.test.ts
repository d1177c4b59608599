import { type ChildProcess, spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { type Account, makeAccountReader } from '../../lib/store/accounts.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makePasskey, makePasskeyStore } from '../../lib/store/passkeys.ts'
import { encodeBytes } from '../../lib/wire/query.ts'
import { decode, get } from '../support/http-client.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { connected, type Moved, overHttp, overUdp, type Speaker, speakersOf } from '../support/speaker.ts'
import { hashOf } from '../support/store.ts'
import { startTracker, type TestTracker, withTracker } from '../support/tracker.ts'

const SETTINGS = { REDSWARM_PRIVATE: 'true' }
/** One host, two frontends: a change must be known to each of them within a second, and this machine may be busy. */
const KNOWN_MS_MAX = 3000

const UNKNOWN = 'unknown passkey'
const EXPIRED = 'your passkey has expired'
const MALFORMED = "the passkey in the tracker's URL must be 32 letters and digits"
const MISSING = 'this tracker is private: its URL must have your passkey, as in /announce/PASSKEY'

describe('a private tracker', () => {
  const server = useRedis()
  const store = () => makePasskeyStore({ redis: server().redis, keys: makeKeys('') })
  const accountOf = (key: string): Promise<Account> =>
    makeAccountReader({ redis: server().redis, keys: makeKeys('') }).of(key)
  const nowS = async () => Number((await server().redis.time())[0])

  /** Adds a passkey, for ever or for some seconds. */
  const add = async (seconds?: number): Promise<string> => {
    const passkey = makePasskey()
    await store().put({ passkey, validUntilS: seconds === undefined ? undefined : (await nowS()) + seconds })
    return `/announce/${passkey}`
  }
  const keyIn = (path: string) => path.slice('/announce/'.length)

  /** Runs a test against two frontends. */
  const withPair = (test: (pair: [TestTracker, TestTracker]) => Promise<void>) =>
    withTracker(server().url, { settings: SETTINGS }, (first) =>
      withTracker(server().url, { settings: SETTINGS }, (second) => test([first, second])),
    )
  const withOne = (test: (tracker: TestTracker) => Promise<void>) =>
    withTracker(server().url, { settings: SETTINGS }, test)

  it('serves who has a good passkey, and tells the others why not', async () => {
    const [forEver, forLong, over] = [await add(), await add(3600), await add(-1)]
    await withOne(async (tracker) => {
      for (const [name, speak] of await speakersOf(tracker)) {
        const cases: [path: string, answer: string][] = [
          [forEver, 'ok'],
          [forLong, 'ok'],
          [`${forEver}/`, 'ok'],
          [`${forEver}?a=b`, 'ok'],
          [over, EXPIRED],
          [`/announce/${'x'.repeat(32)}`, UNKNOWN],
          ['/announce/x', MALFORMED],
          [`${forEver}0`, MALFORMED],
          [`/announce/${'-'.repeat(32)}`, MALFORMED],
          ['/announce', MISSING],
          ['/announce/', MISSING],
        ]
        for (const [path, answer] of cases) {
          // Over HTTP the query is the announce.
          if (name === 'HTTP' && path.includes('?')) continue
          expect({ name, path, answer: await speak(path) }).toEqual({ name, path, answer })
        }
      }
      const [, udp] = await speakersOf(tracker)
      expect(await udp?.[1]('')).toBe(MISSING)
    })
    expect(await server().redis.hget('totals:{a00}', 'leechers')).toBe('1')
  })

  it('knows a passkey that is added within a second on all frontends, and one that is removed no longer', () =>
    withPair(async (pair) => {
      const speakers = (await Promise.all(pair.map(speakersOf))).flat()
      const answersOf = (path: string) => Promise.all(speakers.map(([, speak]) => speak(path)))
      const all = (path: string, answer: string) => async () => (await answersOf(path)).every((each) => each === answer)
      const path = await add()
      await until('all to know it', all(path, 'ok'), KNOWN_MS_MAX)
      await store().remove(keyIn(path))
      await until('all to refuse it', all(path, UNKNOWN), KNOWN_MS_MAX)
      await store().put({ passkey: keyIn(path), validUntilS: (await nowS()) - 1 })
      await until('all to say that it is over', all(path, EXPIRED), KNOWN_MS_MAX)
    }))

  it('refuses a passkey once it expires, while it is in use', () =>
    withPair(async (pair) => {
      const path = await add(3)
      const speakers = (await Promise.all(pair.map(speakersOf))).flat()
      for (const [, speak] of speakers) {
        await until('it to be known', async () => (await speak(path)) !== UNKNOWN, KNOWN_MS_MAX)
      }
      for (const [name, speak] of speakers) {
        await until(`${name} to refuse it`, async () => (await speak(path)) === EXPIRED, 3000 + KNOWN_MS_MAX)
        expect(await server().redis.hexists('keys', keyIn(path))).toBe(1)
      }
    }))

  it('adds exactly what was moved to the account, over two frontends and both protocols', async () => {
    const [alice, bob] = [await add(), await add()]
    await withPair(async (pair) => {
      const speakers = (await Promise.all(pair.map(speakersOf))).flat()
      let [uploaded, downloaded] = [500, 300]
      const first = speakers[0]?.[1] as Speaker
      // What was moved before it came is unknown.
      expect(await first(alice, { uploaded, downloaded })).toBe('ok')
      expect(await accountOf(keyIn(alice))).toEqual({ uploaded: 0n, downloaded: 0n })
      for (const [i, [name, speak]] of [...speakers, ...speakers].entries()) {
        uploaded += 10 ** i
        downloaded += 7 * i
        expect({ name, answer: await speak(alice, { uploaded, downloaded }) }).toEqual({ name, answer: 'ok' })
        const account = { uploaded: BigInt(uploaded - 500), downloaded: BigInt(downloaded - 300) }
        expect({ name, account: await accountOf(keyIn(alice)) }).toEqual({ name, account })
      }
      const last = { uploaded: uploaded + 11, downloaded: downloaded + 13 }
      expect(await first(alice, { ...last, event: 'stopped' })).toBe('ok')
      const sum = { uploaded: BigInt(last.uploaded - 500), downloaded: BigInt(last.downloaded - 300) }
      expect(await accountOf(keyIn(alice))).toEqual(sum)
      // Another torrent, in another shard, counts by itself.
      expect(await first(alice, { hash: 'b', uploaded: 5 })).toBe('ok')
      expect(await first(alice, { hash: 'b', uploaded: 9 })).toBe('ok')
      expect(await accountOf(keyIn(alice))).toEqual({ ...sum, uploaded: sum.uploaded + 4n })
      expect(await accountOf(keyIn(bob))).toEqual({ uploaded: 0n, downloaded: 0n })
    })
  })

  it.each(['HTTP', 'UDP'])(
    'counts nothing twice, and nothing below zero, where a client over %s starts again',
    async (protocol) => {
      const path = await add()
      await withOne(async (tracker) => {
        const speak = (await speakersOf(tracker)).find(([name]) => name === protocol)?.[1] as Speaker
        const steps: [moved: Moved, uploaded: number, downloaded: number][] = [
          [{ uploaded: 0, downloaded: 0, event: 'started' }, 0, 0],
          [{ uploaded: 1000, downloaded: 500 }, 1000, 500],
          // Killed, and started again: its counters are at zero.
          [{ uploaded: 0, downloaded: 0, event: 'started' }, 1000, 500],
          [{ uploaded: 300, downloaded: 700, left: 0, event: 'completed' }, 1300, 1200],
          // Reset in one and not in the other.
          [{ uploaded: 10, downloaded: 900 }, 1300, 1400],
          [{ uploaded: 10, downloaded: 900 }, 1300, 1400],
          [{ uploaded: 20, downloaded: 0 }, 1310, 1400],
          // Gone in good order, and back.
          [{ uploaded: 25, downloaded: 0, event: 'stopped' }, 1315, 1400],
          [{ uploaded: 25, downloaded: 0, event: 'stopped' }, 1315, 1400],
          [{ uploaded: 0, downloaded: 0, event: 'started' }, 1315, 1400],
          [{ uploaded: 1, downloaded: 1 }, 1316, 1401],
        ]
        for (const [moved, uploaded, downloaded] of steps) {
          expect(await speak(path, moved)).toBe('ok')
          const account = { uploaded: BigInt(uploaded), downloaded: BigInt(downloaded) }
          expect({ moved, account: await accountOf(keyIn(path)) }).toEqual({ moved, account })
        }
      })
    },
  )

  it('keeps no account of who is refused', async () => {
    const [over, good] = [await add(-1), await add()]
    await withOne(async (tracker) => {
      const speak = overHttp(tracker)
      expect(await speak(good, { uploaded: 1 })).toBe('ok')
      for (const path of [over, `/announce/${'x'.repeat(32)}`, '/announce']) {
        for (const uploaded of [1, 100]) expect(await speak(path, { uploaded })).not.toBe('ok')
      }
    })
    expect(await server().redis.keys('accounts:*')).toEqual([])
  })

  it('answers a scrape with zeros, but for who has a good passkey', async () => {
    const [good, over] = [await add(), await add(-1)]
    await withOne(async (tracker) => {
      expect(await overHttp(tracker)(good)).toBe('ok')
      const query = `?info_hash=${encodeBytes(hashOf('a'))}`
      const scrape = async (path: string) => {
        const { body } = await get(`${tracker.httpUrl}${path.replace('announce', 'scrape')}${query}`)
        const { files } = decode(body) as { files: Record<string, object> }
        return Object.values(files)[0]
      }
      expect(await scrape(good)).toEqual({ complete: 0, downloaded: 0, incomplete: 1 })
      for (const path of ['/scrape', over, '/scrape/x', `/scrape/${'x'.repeat(32)}`]) {
        expect({ path, ...(await scrape(path)) }).toEqual({ path, complete: 0, downloaded: 0, incomplete: 0 })
      }
      const client = await connected(tracker)
      expect(await client.scrape([hashOf('a'), hashOf('b')])).toEqual([
        { seeders: 0, leechers: 0, completed: 0 },
        { seeders: 0, leechers: 0, completed: 0 },
      ])
    })
  })

  it('serves only listed torrents where it is listed too', async () => {
    const path = await add()
    await withTracker(server().url, { settings: { ...SETTINGS, REDSWARM_LISTED: 'true' } }, async (tracker) => {
      for (const [, speak] of await speakersOf(tracker)) {
        expect(await speak(path)).toBe('torrent not registered with this tracker')
        expect(await speak('/announce')).toBe(MISSING)
      }
      await server().redis.sadd('whitelist:{a00}', hashOf('a').toString('hex'))
      for (const [, speak] of await speakersOf(tracker)) expect(await speak(path)).toBe('ok')
    })
  })

  it('has its sweeper remove passkeys that have expired, and leave the others', async () => {
    const [over, good, forEver] = [await add(-1), await add(3600), await add()]
    await withTracker(server().url, { roles: ['sweeper'], settings: SETTINGS }, async () => {
      await until('it to be gone', async () => (await server().redis.hexists('keys', keyIn(over))) === 0, 15_000)
    })
    expect((await server().redis.hkeys('keys')).sort()).toEqual([good, forEver].map(keyIn).sort())
  })
})

describe('a public tracker', () => {
  const server = useRedis()

  it('serves whatever passkey is in the path, and keeps no account of it', () =>
    withTracker(server().url, {}, async (tracker) => {
      const client = await connected(tracker)
      for (const speak of [overHttp(tracker), overUdp(client), overUdp(client, 2)]) {
        for (const path of [
          '/announce',
          `/announce/${'x'.repeat(32)}`,
          '/announce/x',
          `/announce/${'y'.repeat(100)}`,
        ]) {
          for (const uploaded of [1, 1000]) expect(await speak(path, { uploaded })).toBe('ok')
        }
      }
      const { body } = await get(`${tracker.httpUrl}/scrape/x?info_hash=${encodeBytes(hashOf('a'))}`)
      expect(body.toString('latin1')).toContain('10:incompletei1e')
      expect(await server().redis.keys('accounts:*')).toEqual([])
    }))
})

describe('a private tracker whose Redis restarts', () => {
  it('tells who has a good passkey that it is away, and knows it again after, with what has changed', async () => {
    const server = await startRedis('--appendonly', 'yes', '--appendfsync', 'always')
    const store = makePasskeyStore({ redis: server.redis, keys: makeKeys('') })
    const [kept, removed, added] = [makePasskey(), makePasskey(), makePasskey()]
    for (const passkey of [kept, removed]) await store.put({ passkey, validUntilS: undefined })
    const tracker = await startTracker(server.url, { settings: SETTINGS })
    let restarted: ChildProcess | undefined
    try {
      const speak = overHttp(tracker)
      expect(await speak(`/announce/${kept}`, { uploaded: 0 })).toBe('ok')
      const { spawnfile, spawnargs } = server.process
      await end(server.process)
      expect(await speak(`/announce/${kept}`)).toBe(
        'tracker is temporarily unavailable (its store is away), try again later',
      )
      expect(await speak(`/announce/${added}`)).toBe(UNKNOWN)
      restarted = spawn(spawnfile, spawnargs.slice(1), { stdio: 'ignore' })
      await server.redis.ping()
      // Changed before the tracker hears again, at the latest when it looks.
      await store.put({ passkey: added, validUntilS: undefined })
      await store.remove(removed)
      await until('it to serve', async () => (await speak(`/announce/${added}`)) === 'ok', 10_000)
      await until('it to refuse', async () => (await speak(`/announce/${removed}`)) === UNKNOWN, 10_000)
      expect(await speak(`/announce/${kept}`, { uploaded: 70 })).toBe('ok')
      const account = await makeAccountReader({ redis: server.redis, keys: makeKeys('') }).of(kept)
      expect(account.uploaded).toBe(70n)
    } finally {
      await tracker.stop()
      if (restarted) await end(restarted)
      await server.stop()
    }
  })
})

function end(child: ChildProcess): Promise<unknown> {
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  return gone
}
