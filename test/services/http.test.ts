import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeBytes } from '../../lib/wire/query.ts'
import { announce, announceTarget, type Changes, decode, get, HttpClient, peersOf } from '../support/http-client.ts'
import { useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'

const LEECHER_ID = '-RS0001-abcdefghijkl'
const A_HASH = encodeBytes(hashOf('a'))
const bencoded = (reason: string) => `d14:failure reason${reason.length}:${reason}e`

describe('the HTTP tracker', () => {
  const server = useRedis()
  const withHttp = <T>(test: (tracker: TestTracker) => Promise<T>, settings: Record<string, string> = {}) =>
    withTracker(server().url, { roles: ['http'], settings }, test)
  const swarmsStored = () => server().redis.keys('swarm:*')

  it('lets a leecher and a seeder find each other, counts whoever asks, and tells nobody of itself', () =>
    withHttp(async ({ httpUrl }) => {
      const first = await announce(httpUrl, { left: 0, port: 7001, event: 'started' })
      expect([first.complete, first.incomplete, peersOf(first)]).toEqual([1, 0, []])
      const second = await announce(httpUrl, { port: 7002 }, '127.0.0.2')
      expect([second.complete, second.incomplete, peersOf(second)]).toEqual([1, 1, ['127.0.0.1:7001']])
      expect(peersOf(await announce(httpUrl, { port: 7002 }, '127.0.0.2'))).toEqual(['127.0.0.1:7001'])
      const again = await announce(httpUrl, { left: 0, port: 7001 })
      expect([again.complete, again.incomplete, peersOf(again)]).toEqual([1, 1, ['127.0.0.2:7002']])
    }))

  it('answers in compact form with keys in order, where the client is and when to come again', () =>
    withHttp(async ({ httpUrl }) => {
      const { headers, body } = await get(httpUrl + announceTarget(), {}, '127.0.0.9')
      expect(headers['content-type']).toBe('text/plain')
      expect(body.toString('latin1')).toMatch(
        /^d8:completei0e10:downloadedi0e11:external ip4:\u{7f}\0\0\t10:incompletei1e8:intervali\d+e12:min intervali900e5:peers0:e$/u,
      )
      const answers = await Promise.all(Array.from({ length: 60 }, () => announce(httpUrl)))
      const intervals = answers.map(({ interval }) => interval)
      expect(Math.min(...intervals)).toBeGreaterThanOrEqual(1800)
      expect(Math.max(...intervals)).toBeLessThanOrEqual(1980)
      expect(Math.max(...intervals) - Math.min(...intervals)).toBeGreaterThan(45)
    }))

  it('writes a list of dictionaries for compact=0, without peer ids for no_peer_id=1', () =>
    withHttp(async ({ httpUrl }) => {
      await announce(httpUrl, { left: 0, port: 7001, peer_id: '-XX0001-%00%ff34567890ab' })
      const place = { ip: '127.0.0.1', port: 7001 }
      expect(await announce(httpUrl, { compact: 0 })).toMatchObject({
        complete: 1,
        'external ip': '\x7f\0\0\x01',
        'min interval': 900,
        peers: [{ ...place, 'peer id': '-XX0001-\0\xff34567890ab' }],
      })
      expect((await announce(httpUrl, { compact: 0, no_peer_id: 1 })).peers).toEqual([place])
      expect(peersOf(await announce(httpUrl, { compact: 1, no_peer_id: 1 }))).toEqual(['127.0.0.1:7001'])
    }))

  it('leaves peer ids out where no details are kept', () =>
    withHttp(
      async ({ httpUrl }) => {
        await announce(httpUrl, { left: 0, port: 7001 })
        expect((await announce(httpUrl, { compact: 0 })).peers).toEqual([{ ip: '127.0.0.1', port: 7001 }])
      },
      { REDSWARM_PEER_DETAILS: 'false' },
    ))

  it('gives IPv6 clients IPv6 peers, in peers6 or as dictionaries, and counts both families', () =>
    withHttp(
      async ({ http: [v4, v6] }) => {
        const [url4, url6] = [`http://127.0.0.1:${v4?.port}`, `http://[::1]:${v6?.port}`]
        await announce(url4, { left: 0, port: 7001 })
        await announce(url6, { left: 0, port: 7002 })
        const compact = await announce(url6, { port: 7003 })
        const address = `${'\0'.repeat(15)}\x01`
        expect(compact).toMatchObject({ complete: 2, incomplete: 1, peers: '', peers6: `${address}\x1b\x5a` })
        expect(compact['external ip']).toBe(address)
        const listed = await announce(url6, { port: 7003, compact: 0 })
        expect(listed.peers).toEqual([{ ip: '::1', port: 7002, 'peer id': LEECHER_ID }])
        expect(await announce(url4, { port: 7004 })).not.toHaveProperty('peers6')
        expect(peersOf(await announce(url4, { port: 7004 }))).toEqual(['127.0.0.1:7001'])
      },
      { REDSWARM_HTTP_LISTEN: '127.0.0.1:0,[::1]:0' },
    ))

  it('counts a download once, and forgets whoever stops', () =>
    withHttp(async ({ httpUrl }) => {
      await announce(httpUrl, { port: 7001 })
      await announce(httpUrl, { port: 7001, left: 0, event: 'completed' })
      const done = await announce(httpUrl, { port: 7001, left: 0, event: 'completed' })
      expect([done.complete, done.incomplete, done.downloaded]).toEqual([1, 0, 1])
      await announce(httpUrl, { port: 7002 })
      const stopped = await announce(httpUrl, { port: 7002, event: 'stopped' })
      expect([stopped.complete, stopped.incomplete, stopped.downloaded, stopped.peers]).toEqual([1, 0, 1, ''])
    }))

  it('reads info_hash and peer_id as bytes, raw or escaped in any mix and case', () =>
    withHttp(async ({ httpUrl }) => {
      const client = await HttpClient.open(httpUrl)
      const written = fc.tuple(fc.uint8Array({ minLength: 20, maxLength: 20 }), fc.array(fc.nat(2), { minLength: 20 }))
      const escaped = ([bytes, ways]: [Uint8Array, number[]]) =>
        [...bytes].map((byte, i) => {
          const hex = `%${byte.toString(16).padStart(2, '0')}`
          const isRaw = byte > 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x26
          return ways[i] === 0 && isRaw ? String.fromCharCode(byte) : ways[i] === 1 ? hex : hex.toUpperCase()
        })
      await fc.assert(
        fc.asyncProperty(written, written, async (infoHash, peerId) => {
          const target = announceTarget({ info_hash: escaped(infoHash).join(''), peer_id: escaped(peerId).join('') })
          expect(decode((await client.get(target)).body)).toMatchObject({ incomplete: 1 })
          const hex = Buffer.from(infoHash[0]).toString('hex')
          const [peer] = await server()
            .redis.hvalsBuffer(`swarm:{${hex.slice(0, 3)}}:${hex}`)
            .then(reports)
          expect(peer).toEqual(Buffer.from(peerId[0]))
        }),
        { numRuns: 300 },
      )
      client.close()
    }))

  const reports = (values: Buffer[]) =>
    values.filter(({ length }) => length === 50).map((value) => value.subarray(5, 25))

  it('takes raw what HTTP allows in a URL, and 400s what it does not', () =>
    withHttp(async ({ httpUrl }) => {
      const taken: number[] = []
      for (let byte = 0; byte < 256; byte++) {
        const character = String.fromCharCode(byte)
        const { status, body } = await get(httpUrl + announceTarget({ info_hash: character.repeat(20) }))
        if (status === 200 && body.includes('8:complete')) taken.push(byte)
        else if (byte !== 0x25 && byte !== 0x26) expect([byte, status]).toEqual([byte, 400])
      }
      const printable = Array.from({ length: 0x7f - 0x21 }, (_, i) => 0x21 + i)
      expect(taken).toEqual(printable.filter((byte) => byte !== 0x25 && byte !== 0x26))
    }))

  it.each<[string, string, (string | undefined)[]]>([
    ['info_hash', 'is missing', [undefined]],
    ['info_hash', 'must be 20 bytes', ['', 'a'.repeat(19), 'a'.repeat(21), 'a'.repeat(40)]],
    ['info_hash', 'has a malformed escape', [`${'a'.repeat(19)}%zz`, `${'a'.repeat(19)}%4`]],
    ['info_hash', 'is given more than once', [`${A_HASH}&info_hash=${A_HASH}`]],
    ['peer_id', 'is missing', [undefined]],
    ['peer_id', 'must be 20 bytes', ['', 'a'.repeat(19), 'a'.repeat(21)]],
    ['peer_id', 'is given more than once', [`${LEECHER_ID}&peer_id=${LEECHER_ID}`]],
    ['port', 'is missing', [undefined]],
    ['port', 'must be 1 to 65535', ['', '0', '-1', '1.1', 'a', '65536', '6881%20']],
    ['left', 'must be a number of bytes', ['abc', '-1', '1.5']],
    ['left', 'is too large', ['18446744073709551616']],
    ['uploaded', 'must be a number of bytes', ['1e3']],
    ['downloaded', 'must be a number of bytes', ['0x10']],
    ['numwant', 'must be a number', ['many']],
  ])('refuses an announce whose %s %s, and stores nothing', (name, rule, values) =>
    withHttp(async ({ httpUrl }) => {
      for (const value of values) {
        const { status, body } = await get(httpUrl + announceTarget({ [name]: value }))
        expect([value, status, body.toString()]).toEqual([value, 200, bencoded(`${name} ${rule}`)])
      }
      expect(await swarmsStored()).toEqual([])
    }),
  )

  it.each<Changes>([
    { left: undefined, uploaded: undefined, downloaded: undefined },
    { event: '' },
    { event: 'paused' },
    { compact: 2 },
    { numwant: -1 },
    { ip: '192.0.2.1', key: 'a=b=c', flag: '&&' },
  ])('takes an announce with %j for a leecher at its own address', (changes) =>
    withHttp(async ({ httpUrl }) => {
      await announce(httpUrl, { left: 0, port: 7001 })
      const answer = await announce(httpUrl, { port: 7002, ...changes })
      expect([answer.complete, answer.incomplete, peersOf(answer)]).toEqual([1, 1, ['127.0.0.1:7001']])
      expect(peersOf(await announce(httpUrl, { left: 0, port: 7001 }))).toEqual(['127.0.0.1:7002'])
    }),
  )

  it('scrapes torrents in the order of their info hashes, each once, zeros for one that it does not know', () =>
    withHttp(async ({ httpUrl }) => {
      const high = 'ff'.repeat(20)
      await announce(httpUrl, { info_hash: encodeBytes(hashOf(high)), left: 0, event: 'completed' })
      await announce(httpUrl, { info_hash: 'a'.repeat(20) })
      const asked = [hashOf(high), Buffer.from('a'.repeat(20)), hashOf('80'), hashOf(high)]
      const { body } = await get(`${httpUrl}/scrape?${asked.map((hash) => `info_hash=${encodeBytes(hash)}`).join('&')}`)
      const entry = (hex: string, complete: number, incomplete: number) =>
        `20:${Buffer.from(hex, 'hex').toString('latin1')}d8:completei${complete}e10:downloadedi${complete}e10:incompletei${incomplete}ee`
      const entries = entry('61'.repeat(20), 0, 1) + entry('80'.padEnd(40, '0'), 0, 0) + entry(high, 1, 0)
      expect(body.toString('latin1')).toBe(`d5:filesd${entries}ee`)
    }))

  it('scrapes 100 torrents at most, and not all that there are', () =>
    withHttp(async ({ httpUrl }) => {
      const hashes = Array.from({ length: 101 }, (_, i) => `info_hash=${encodeBytes(Buffer.alloc(20, 128 + i))}`)
      const scrape = async (query: string) => (await get(`${httpUrl}/scrape${query}`)).body.toString('latin1')
      expect((await scrape(`?${hashes.slice(1).join('&')}`)).match(/8:complete/g)).toHaveLength(100)
      expect(await scrape(`?${hashes.join('&')}`)).toBe(bencoded('more than 100 info_hash'))
      expect(await scrape('')).toBe(bencoded('info_hash is missing'))
      expect(await scrape('?info_hash=short')).toBe(bencoded('info_hash must be 20 bytes'))
      expect(await scrape(`?info_hash=${'a'.repeat(18)}%0`)).toBe(bencoded('info_hash has a malformed escape'))
    }))

  it('answers many requests on one connection, and pipelined ones in their order', () =>
    withHttp(async ({ httpUrl }) => {
      const client = await HttpClient.open(httpUrl)
      for (let i = 1; i <= 100; i++) {
        const { body } = await client.get(announceTarget({ port: i }))
        expect(decode(body)).toMatchObject({ incomplete: i })
      }
      // Announces wait for Redis, the others do not: without an order, they would come first.
      const pairs = Array.from({ length: 50 }, (_, i) => [
        client.get(announceTarget({ port: 101 + i })),
        client.get('/x'),
      ])
      const answers = await Promise.all(pairs.flat())
      expect(answers.map(({ status }) => status)).toEqual(pairs.flatMap(() => [200, 404]))
      for (const [i, { body }] of answers.filter(({ status }) => status === 200).entries()) {
        expect(decode(body)).toMatchObject({ incomplete: 101 + i })
      }
      const others = peersOf(decode((await client.get(announceTarget({ port: 1, numwant: 200 }))).body) as never)
      expect([others.length, others.includes('127.0.0.1:1')]).toEqual([149, false])
      client.close()
    }))

  it.each(['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])(
    'refuses %s, whatever comes with it, and stores nothing',
    (method) =>
      withHttp(async ({ httpUrl }) => {
        const form = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0' }
        for (const target of [announceTarget(), `/scrape?info_hash=${A_HASH}`, '/health_check']) {
          const client = await HttpClient.open(httpUrl)
          const response = await client.request(method, target, form)
          expect([response.status, response.headers.allow]).toEqual([405, 'GET'])
          client.close()
        }
        expect(await swarmsStored()).toEqual([])
      }),
  )

  it.each<[string, string, number, string]>([
    ['no HTTP', 'HELLO\r\n\r\n', 400, 'the request is not HTTP\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'the request is not HTTP\n'],
    [
      'a path with a broken escape',
      'GET /announce/%zzsecret HTTP/1.1\r\nhost: x\r\n\r\n',
      400,
      'the path is malformed\n',
    ],
    [
      'a header too long',
      `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`,
      431,
      'the URL and the headers are too long\n',
    ],
  ])('says what is wrong with %s as text, and nothing of what was sent', (_name, bytes, status, text) =>
    withHttp(async ({ httpUrl }) => {
      const client = await HttpClient.open(httpUrl)
      client.send(bytes)
      const answer = await client.receive()
      expect([answer.status, answer.headers['content-type'], answer.body.toString()]).toEqual([
        ...[status, 'text/plain', text],
      ])
      client.close()
    }),
  )

  it('gives up on a request that does not come whole within 12 s', { timeout: 20_000 }, () =>
    withHttp(async ({ httpUrl }) => {
      const client = await HttpClient.open(httpUrl)
      const startMs = performance.now()
      client.send('GET /announce?info_hash=')
      expect((await client.receive()).status).toBe(408)
      expect(performance.now() - startMs).toBeLessThan(12_500)
      client.close()
    }),
  )

  it('refuses a torrent that is not listed, and serves one that is from the moment it is', () =>
    withHttp(
      async ({ httpUrl }) => {
        const reason = 'torrent not registered with this tracker'
        expect(await announce(httpUrl)).toEqual({ 'failure reason': reason })
        await server().redis.sadd('whitelist:{a00}', hashOf('a').toString('hex'))
        expect(await announce(httpUrl)).toMatchObject({ incomplete: 1 })
        expect(await announce(httpUrl, { info_hash: encodeBytes(hashOf('b')) })).toEqual({ 'failure reason': reason })
        const scrape = async () => (await get(`${httpUrl}/scrape?info_hash=${A_HASH}`)).body.toString('latin1')
        expect(await scrape()).toContain('10:incompletei1e')
        await server().redis.srem('whitelist:{a00}', hashOf('a').toString('hex'))
        expect(await scrape()).toContain('10:incompletei0e')
      },
      { REDSWARM_LISTED: 'true' },
    ))
})
