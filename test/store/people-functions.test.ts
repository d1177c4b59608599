import bittorrentPeerid from 'bittorrent-peerid'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeWhitelist } from '../../lib/store/whitelist.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import { endpointText } from '../../lib/wire/endpoint.ts'
import { comparableTimes, crowd, show } from '../support/people.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const HASH = hashOf('616')
const HEX = HASH.toString('hex')
const INDEX = 'torrents:{616}'

const peerId = (begin: string) => Buffer.from(begin.padEnd(20, 'x'), 'latin1')
const nowS = async () => Number((await server().redis.time())[0])
const comparable = (lines: string[]) => lines.map(comparableTimes)
/** Where each word of a line begins, where two spaces or more are before it, and where it ends. */
const columnsOf = (line: string) =>
  [...line.matchAll(/\S+(?: \S+)*/g)].map((cell) => [cell.index, cell.index + cell[0].length])

const swarmOfThree = [
  announceOf({
    ...{ infoHash: HASH, isSeeder: true, event: EVENT.completed },
    report: makeReport(peerId('-qB4650-'), 700_000_000n, 0n, 5_123_000_000n),
  }),
  announceOf({
    ...{ infoHash: HASH, endpoint: at('2001:db8::1', 51413) },
    report: makeReport(peerId('-TR4040-'), 999n, 999_960n, 2n ** 64n - 1n),
  }),
  announceOf({
    ...{ infoHash: HASH, endpoint: at('198.51.100.7') },
    report: makeReport(peerId('\x1b[2J\xff'), 0n, 1000n, 0n),
  }),
]

describe('redswarm_swarm', () => {
  it('shows what a swarm counts, when it is due, how it is kept, and its peers', async () => {
    const { redis } = server()
    const now = (await nowS()) - 90
    await storeOn(redis, {}, () => now).announce(swarmOfThree)
    await makeWhitelist({ redis, keys: makeKeys('') }).add([HASH])
    const lines = await show(redis, 'redswarm_swarm', 1, INDEX, HEX)
    const date = (seconds: number) => new Date(seconds * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC')
    expect(lines[4]).toMatch(new RegExp(`^added      ${date(now)}, 9\\d s ago$`))
    expect(lines[5]).toMatch(new RegExp(`^due        ${date(now + 3900)}, in 63 min$`))
    expect(lines[7]).toMatch(/^memory {5}\d{3} B$/)
    expect(comparable(lines.filter((_, i) => i !== 7))).toEqual([
      `swarm ${HEX}`,
      'seeders 1',
      'leechers 2',
      'completed 1 (1 remembered)',
      'added DATE UTC, SOME ago',
      'due DATE UTC, in SOME',
      'kept as small: its peers are fields of its own hash',
      'listed yes',
      '',
      'address role client announced left uploaded downloaded',
      '192.0.2.1:6881 seeder qBittorrent 4.6.5 SOME ago 0 B 5.1 GB 700.0 MB',
      '198.51.100.7:6881 leecher .[2J.xxxxxxxxxxxxxxx SOME ago 1.0 kB 0 B 0 B',
      '[2001:db8::1]:51413 leecher Transmission 4.0.4 SOME ago 1.0 MB 18.4 EB 999 B',
    ])
    const table = lines.slice(10).map(columnsOf)
    expect(table.map((cells) => cells.slice(0, 3).map(([from]) => from))).toEqual(Array(4).fill([0, 21, 30]))
    for (const cells of table)
      expect(cells.slice(3).map(([, end]) => end)).toEqual(table[0]?.slice(3).map(([, end]) => end))
  })

  it('shows the first peers of a large swarm, how it is kept, and what shows more', async () => {
    const { redis } = server()
    await storeOn(redis, { peerDetails: false }).announce(crowd(HASH, 400))
    const lines = comparable(await show(redis, 'redswarm_swarm', 1, INDEX, HEX.toUpperCase()))
    expect(lines.slice(1, 3)).toEqual(['seeders 134', 'leechers 266'])
    expect(lines[6]).toMatch(/^kept as large: chunks s4 \d, s6 1, l4 \d, l6 1$/)
    expect(lines[8]).toBe('listed no (of no matter unless REDSWARM_LISTED is true)')
    expect(lines.slice(11, 21)).toEqual(
      Array(10).fill(expect.stringMatching(/^10\.0\.[01]\.\d+:1\d{3} seeder - SOME ago - - -$/)),
    )
    expect(lines.slice(21)).toEqual(['', `390 more: FCALL_RO redswarm_peers 1 '${INDEX}' ${HEX} 50 10`])
  })

  it('shows a swarm that only remembers its completed downloads, and one that is not there', async () => {
    const { redis } = server()
    const seeder = { infoHash: HASH, isSeeder: true }
    await storeOn(redis).announce([
      announceOf({ ...seeder, event: EVENT.completed }),
      announceOf({ ...seeder, event: EVENT.stopped }),
    ])
    await redis.zadd(INDEX, 'inf', HEX)
    const lines = comparable(await show(redis, 'redswarm_swarm', 1, INDEX, HEX))
    expect(lines).toContain('due never: it stays for its completed downloads')
    expect(lines.at(-1)).toMatch(/^listed no/)
    const other = HEX.replace(/0$/, '1')
    const none = await show(redis, 'redswarm_swarm', 1, INDEX, other)
    expect(none[0]).toMatch(/^no such swarm: nobody has announced it/)
    expect(comparable(none).slice(1, 2)).toEqual([`swarm ${other}`])
    expect(none.join()).not.toContain('wrong')
  })

  it('tells that a torrent is past its due time', async () => {
    const { redis } = server()
    const now = (await nowS()) - 10_000
    await storeOn(redis, {}, () => now).announce(swarmOfThree)
    expect((await show(redis, 'redswarm_swarm', 1, INDEX, HEX))[5]).toMatch(/UTC, 101 min ago: at the next sweep$/)
    expect((await show(redis, 'redswarm_torrents', 1, INDEX)).at(-1)).toMatch(/ now$/)
  })
})

describe('redswarm_peers', () => {
  it('shows each peer of a large swarm once, page by page as each says what shows the next', async () => {
    const { redis } = server()
    const peers = [
      ...crowd(HASH, 500),
      ...Array.from({ length: 70 }, (_, i) =>
        announceOf({ infoHash: HASH, endpoint: at(`2001:db8:0:${(i * 31).toString(16)}::`, i) }),
      ),
    ]
    await storeOn(redis).announce(peers)
    const shown: string[] = []
    let rest: string[] | undefined = ['1', INDEX, HEX, '120']
    const sizes: number[] = []
    while (rest && sizes.length < 10) {
      const lines: string[] = await show(redis, 'redswarm_peers', ...rest)
      const found = lines.filter((line) => /^[[\d]\S*:\d+ /.test(line)).map((line) => line.split(' ')[0] ?? '')
      sizes.push(found.length)
      shown.push(...found)
      const more = / more: FCALL_RO redswarm_peers (.*)$/.exec(lines.at(-1) ?? '')?.[1]
      rest = more?.replaceAll("'", '').split(' ')
    }
    expect(sizes).toEqual([120, 120, 120, 120, 90])
    expect(shown.toSorted()).toEqual(peers.map(({ endpoint }) => endpointText(endpoint)).toSorted())
    expect(await show(redis, 'redswarm_peers', 1, INDEX, HEX, 50, 570)).toEqual([
      'no peers after the first 570: the swarm has 570',
    ])
  })

  it('writes IPv6 addresses as people do', async () => {
    const { redis } = server()
    const addresses = [
      '::',
      '::1',
      '1::',
      '1:2:3:4:5:6:7:8',
      '1:0:0:2:0:0:0:3',
      '1:0:0:2:3:0:0:4',
      '0:1:2:3:4:5:6:0',
      'fe80::a',
    ]
    const peers = addresses.map((address) => announceOf({ infoHash: HASH, endpoint: at(address, 6881) }))
    await storeOn(redis).announce(peers)
    const shown = (await show(redis, 'redswarm_peers', 1, INDEX, HEX)).slice(1).map((line) => line.split(' ')[0])
    expect(shown.toSorted()).toEqual(peers.map(({ endpoint }) => endpointText(endpoint)).toSorted())
  })

  it('names clients as the API does, with their versions', async () => {
    const { redis } = server()
    const ids = [
      '-AZ5770-',
      '-BI3400-',
      '-BT7B00-',
      '-DE211s-',
      '-DE13F0-',
      '-KT5100-',
      '-LT20A0-',
      '-lt0D80-',
      '-MG1234-',
      '-PI0012-',
    ]
    const more = [
      '-qB43A0-',
      '-TR2940-',
      '-TR3000-',
      '-TR410Z-',
      '-TX3050-',
      '-UT355W-',
      '-UM1870-',
      '-WW0207-',
      '-BC0187-',
      'M7-9-2--',
      'A2-1-37-0-',
      '-YY1230-',
      '-qB465',
    ]
    const announces = [...ids, ...more].map((id, i) =>
      announceOf({ infoHash: HASH, endpoint: at('192.0.2.1', 1000 + i), report: makeReport(peerId(id), 0n, 1n, 0n) }),
    )
    await storeOn(redis).announce(announces)
    const lines = await show(redis, 'redswarm_peers', 1, INDEX, HEX)
    const clients = Object.fromEntries(
      lines.slice(1).map((line) => {
        const [, port, client = ''] = /:(\d+) +leecher {2}(.*?) {2}/.exec(line) ?? []
        return [[...ids, ...more][Number(port) - 1000], client]
      }),
    )
    expect(clients).toEqual({
      ...{
        '-AZ5770-': 'Vuze 5.7.7',
        '-BI3400-': 'BiglyBT 3.4',
        '-BT7B00-': 'BitTorrent 7.11',
        '-DE211s-': 'Deluge 2.1.1',
      },
      ...{
        '-DE13F0-': 'Deluge 1.3.15',
        '-KT5100-': 'KTorrent 5.1',
        '-LT20A0-': 'libtorrent 2.0.10',
        '-lt0D80-': 'rTorrent 0.13.8',
      },
      ...{ '-MG1234-': 'MediaGet 1.2.3.4', '-PI0012-': 'PicoTorrent 0.0.1.2', '-qB43A0-': 'qBittorrent 4.3.10' },
      ...{
        '-TR2940-': 'Transmission 2.94',
        '-TR3000-': 'Transmission 3.00',
        '-TR410Z-': 'Transmission 4.1',
        '-TX3050-': 'Tixati 3.0.5',
      },
      ...{
        '-UT355W-': 'uTorrent 3.5.5',
        '-UM1870-': 'uTorrent Mac 1.8.7',
        '-WW0207-': 'WebTorrent 2.7',
        '-BC0187-': 'BitComet 1.87',
      },
      ...{
        'M7-9-2--': 'BitTorrent 7.9.2',
        'A2-1-37-0-': 'aria2 1.37.0',
        '-YY1230-': '-YY1230-xxxxxxxxxxxx',
        '-qB465': '-qB465xxxxxxxxxxxxxx',
      },
    })
    // Names that it knows, it knows alike.
    const called: Record<string, string> = {
      'libTorrent (Rakshasa) / rTorrent*': 'rTorrent',
      'libtorrent (Rasterbar)': 'libtorrent',
    }
    for (const id of [...ids, ...more].filter((each) => /^-\w\w\w{4}-$/.test(each))) {
      const { client } = bittorrentPeerid(peerId(id))
      if (client !== 'unknown')
        expect(clients[id]?.replace(/ [\d.]+$/, ''), id).toBe((called[client] ?? client).replace('µ', 'u'))
    }
  })

  it('looks at no more chunks than it must, and gives up where there are too many to pass over', async () => {
    const { redis } = server()
    await storeOn(redis).announce(crowd(HASH, 3000))
    await show(redis, 'redswarm_stats', 1, 'stats')
    const callsOf = async (...call: (string | number)[]) => {
      await redis.config('RESETSTAT')
      await show(redis, ...(call as [string]))
      const calls = [...(await redis.info('commandstats')).matchAll(/^cmdstat_(\w+)(?:\|\w+)?:calls=(\d+)/gm)]
      const count = (name: string) => Number(calls.find(([, each]) => each === name)?.[2] ?? 0)
      return { hlen: count('hlen'), hscan: count('hscan'), memory: count('memory') }
    }
    // A chunk of seeders holds some 30: one is enough, or a second where it is small.
    expect((await callsOf('redswarm_swarm', 1, INDEX, HEX)).hscan).toBeLessThanOrEqual(2)
    expect((await callsOf('redswarm_peers', 1, INDEX, HEX, 10, 2900)).hscan).toBeLessThanOrEqual(2)
    const head = (await redis.hgetBuffer(`swarm:{616}:${HEX}`, 'head')) as Buffer
    head.fill(255, 12, 20)
    await redis.hset(`swarm:{616}:${HEX}`, 'head', head)
    const lines = await show(redis, 'redswarm_peers', 1, INDEX, HEX, 10, 3_000)
    expect(lines).toEqual(['more peers than one call looks at are passed over: the API has all (docs/api-v2.md)'])
    const { hlen, memory } = await callsOf('redswarm_swarm', 1, INDEX, HEX)
    expect([hlen <= 10_000, memory <= 104]).toEqual([true, true])
    expect((await show(redis, 'redswarm_swarm', 1, INDEX, HEX))[7]).toMatch(
      /^memory {5}about .*, by 100 of its 262,140 chunks$/,
    )
  })
})
