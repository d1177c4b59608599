import { expect, it } from 'vitest'
import { makeClientList } from '../../lib/store/clients.ts'
import { makeDeniedList } from '../../lib/store/denied.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { announceTarget, decode, get } from '../support/http-client.ts'
import { scrapeMetrics } from '../support/prometheus.ts'
import { until, useRedis } from '../support/redis.ts'
import { connected } from '../support/speaker.ts'
import { hashOf } from '../support/store.ts'
import { withTracker } from '../support/tracker.ts'

const server = useRedis()
const A = hashOf('a').toString('hex')

it('a denied torrent is refused over UDP and HTTP within a second, told as nobody`s by scrapes, and served again when it ends', () =>
  withTracker(server().url, {}, async (tracker) => {
    const list = makeDeniedList({ redis: server().redis, keys: makeKeys('') })
    const client = await connected(tracker)
    const failureOf = () =>
      client.announce({ infoHash: hashOf('a') }).then(
        () => undefined,
        (error: Error) => error.message,
      )
    const target = announceTarget({ info_hash: encode(hashOf('a')) })
    const failureOverHttp = async () => decode((await get(tracker.httpUrl + target)).body)
    expect(await failureOf()).toBeUndefined()
    await list.put([[A, '0']])
    const startMs = performance.now()
    await until('the torrent to be denied', async () => (await failureOf()) !== undefined)
    expect(performance.now() - startMs).toBeLessThan(1500)
    const reason = 'this torrent is not allowed on this tracker'
    expect(await failureOf()).toBe(reason)
    await until('HTTP to know', async () => 'failure reason' in ((await failureOverHttp()) as object))
    expect(await failureOverHttp()).toEqual({ 'failure reason': reason })
    expect(await client.scrape([hashOf('a')])).toMatchObject([{ seeders: 0, leechers: 0, completed: 0 }])
    // Others are served all the while.
    await client.announce({ infoHash: hashOf('b') })
    expect((await scrapeMetrics(tracker.metricsUrl)).get('redswarm_refusals_total{cause="denied"}')).toBeGreaterThan(2)
    await list.remove([A])
    await until('the torrent to be served', async () => (await failureOf()) === undefined)
    expect(await client.scrape([hashOf('a')])).not.toMatchObject([{ leechers: 0, seeders: 0 }])
  }))

it('a denied client is refused within a second, may leave, and others are served', () =>
  withTracker(server().url, {}, async (tracker) => {
    const list = makeClientList({ redis: server().redis, keys: makeKeys('') })
    const client = await connected(tracker)
    const reportOf = (peerId: string) => makeReport(Buffer.from(peerId.padEnd(20, 'x')), 0n, 1000n, 0n)
    const report = reportOf('-XL0012-')
    const failureOf = (changes: object) =>
      client.announce(changes).then(
        () => undefined,
        (error: Error) => error.message,
      )
    expect(await failureOf({ report })).toBeUndefined()
    await list.put([['-XL', 'deny']])
    await until('the client to be denied', async () => (await failureOf({ report })) !== undefined)
    expect(await failureOf({ report })).toBe('your client is not allowed on this tracker')
    expect(await failureOf({ report: reportOf('-qB4500-') })).toBeUndefined()
    expect(await failureOf({ report, event: EVENT.stopped })).toBeUndefined()
    expect((await scrapeMetrics(tracker.metricsUrl)).get('redswarm_refusals_total{cause="client"}')).toBeGreaterThan(1)
  }))

const encode = (bytes: Buffer): string => bytes.toString('hex').replace(/../g, '%$&')
