import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { runCli } from '../support/cli.ts'
import { useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { startTracker, type TestTracker } from '../support/tracker.ts'

const hex = (digit: string): string => hashOf(digit).toString('hex')
const server = useRedis()
let tracker: TestTracker
beforeAll(async () => {
  tracker = await startTracker(server().url)
})
afterAll(() => tracker?.stop())

const udpUrl = () => `udp://127.0.0.1:${tracker.udpPort}`
const httpUrl = () => `${tracker.httpUrl}/announce`
const bodyOf = async (...args: string[]) => {
  const { code, stdout } = await runCli([...args, '--json'])
  return { code, body: JSON.parse(stdout) }
}
const totals = () => makeSwarmReader({ redis: server().redis, keys: makeKeys('') }).totals()

describe('redswarm announce and scrape', () => {
  it('announce over either protocol, and tell what the tracker answers', async () => {
    const first = await bodyOf('announce', udpUrl(), hex('a'), '--event', 'started', '--port', '7001')
    expect(first).toMatchObject({ code: 0, body: { info_hash: hex('a'), seeders: 0, leechers: 1, peers: [] } })
    const second = await bodyOf('announce', httpUrl(), hex('a'), '--left', '0', '--port', '7002')
    expect(second.body).toMatchObject({ seeders: 1, leechers: 1, completed: 0, min_interval: 900 })
    expect(second.body.peers).toEqual([{ address: '127.0.0.1', port: 7001 }])
    for (const url of [udpUrl(), httpUrl()]) {
      const scraped = await bodyOf('scrape', url, hex('a'), hex('b'))
      expect(scraped.body.torrents).toEqual([
        { info_hash: hex('a'), seeders: 1, leechers: 1, completed: 0 },
        { info_hash: hex('b'), seeders: 0, leechers: 0, completed: 0 },
      ])
    }
    const stopped = await bodyOf('announce', udpUrl(), hex('a'), '--event', 'stopped', '--port', '7001')
    expect(stopped.body).toMatchObject({ seeders: 1, leechers: 0 })
  })

  it('print for people, with the clients of peers whose ids an HTTP tracker tells', async () => {
    const id = '-qB4670-abcdefghijkl'
    await runCli(['announce', httpUrl(), hex('a'), '--port', '7001', '--peer-id', id])
    const { code, stdout } = await runCli(['announce', httpUrl(), hex('a'), '--port', '7002', '--no-compact'])
    expect(code).toBe(0)
    expect(stdout.split('\n').slice(1)).toEqual([
      expect.stringMatching(
        /^ {2}seeders 0, leechers 2, completed 0, next announce in .* s \(at least 900 s\), 1 peer told$/,
      ),
      '',
      '  address    port  client',
      '  127.0.0.1  7001  qBittorrent',
      '',
    ])
    expect((await runCli(['scrape', udpUrl(), hex('a')])).stdout).toContain(
      `  ${hex('a')}        0         2          0\n`,
    )
  })

  it('tell why a tracker refuses, with exit code 1', async () => {
    for (const url of [udpUrl(), httpUrl()]) {
      const { code, stdout, stderr } = await runCli(['announce', url, hex('a'), '--port', '0'])
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/^redswarm: \w+:\/\/127\.0\.0\.1:\d+\S* refuses: .*port/)
    }
    const { body } = await bodyOf('announce', httpUrl(), hex('a'), '--port', '0')
    expect(body.error.kind).toBe('refused')
  })

  it('tell what a URL may lack where there is no tracker at it', async () => {
    const { code, stderr } = await runCli(['announce', new URL('/', httpUrl()).href, hex('a')])
    expect(code).toBe(1)
    expect(stderr).toContain("HTTP 404 Not Found: a tracker's path is most often /announce\n")
  })

  it('end with 2 where they are called wrongly, and say what is wrong', async () => {
    const wrong: [args: string[], says: RegExp][] = [
      [['announce', udpUrl(), 'zz'], /an info hash must be 40 hex digits, not "zz"/],
      [['announce', 'udp://127.0.0.1', hex('a')], /names no port/],
      [['check', 'udp://127.0.0.1:0'], /names no port/],
      [['scrape', 'http://127.0.0.1/tracker', hex('a')], /has "\/announce" \(BEP 48\), unlike "\/tracker"/],
      [['scrape', 'http://%zz:hunter2@127.0.0.1/announce', hex('a')], /write %25 for it\n$/],
      [['scrape', 'ftp://127.0.0.1/announce', hex('a')], /a tracker's URL looks like/],
      [['announce', udpUrl(), hex('a'), '--port', '65536'], /--port must be a whole number, 0 to 65,535/],
      [['announce', udpUrl(), hex('a'), '--left', '-1'], /--left must be a number of bytes/],
      [['announce', udpUrl(), hex('a'), '--event', 'paused'], /Allowed choices are none, started/],
      [['announce', udpUrl(), hex('a'), '--peer-id', 'short'], /--peer-id must be 20 ASCII characters/],
      [['scrape', udpUrl(), ...new Array(75).fill(hex('a'))], /at most 74 info hashes/],
      [['check', udpUrl(), '--timeout', 'soon'], /--timeout must be seconds, 0.1 to 600, not "soon"/],
      [['scrape', udpUrl(), hex('a'), '-6'], /"127.0.0.1" is no IPv6 address: leave out -6/],
      [['check'], /missing required argument/],
    ]
    const ended = await Promise.all(wrong.map(([args]) => runCli(args)))
    for (const [i, { code, stdout, stderr }] of ended.entries()) {
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(wrong[i]?.[1] as RegExp)
    }
  })
})

describe('redswarm check', () => {
  const urls = () => [udpUrl(), httpUrl(), `${tracker.healthUrl}/health_check`, `${tracker.apiUrl}/api/health_check`]

  it('finds a tracker well in each of its steps, and leaves no peer and no torrent behind', async () => {
    const { code, stdout } = await runCli(['check', ...urls()])
    expect(code).toBe(0)
    const [head, ...lines] = stdout.trimEnd().split('\n')
    expect(head).toMatch(/^ {6}checked +time {2}found$/)
    expect(
      lines.map(
        (line) =>
          line
            .replace(/[\d,.]+ ms/g, 'n ms')
            .split(/ {2,}/)
            .slice(-1)[0],
      ),
    ).toEqual(['connect n ms, announce n ms, scrape n ms', 'announce n ms, scrape n ms', 'health n ms', 'health n ms'])
    expect(lines.every((line) => line.startsWith('  OK '))).toBe(true)
    expect(await totals()).toEqual({ torrents: 0, seeders: 0, leechers: 0, completed: 0 })
  })

  it('ends with 1 where one of them is not, and tells all in their order', async () => {
    const { code, stdout } = await runCli(['check', '--json', 'http://127.0.0.1:1/announce', ...urls().slice(0, 1)])
    expect(code).toBe(1)
    const [away, well] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(away).toMatchObject({ ok: false, problem: { step: 'announce', kind: 'no answer' } })
    expect(well).toMatchObject({ ok: true, problem: null, steps: { connect: expect.any(Number) } })
  })

  it('is refused by a listed tracker, unless it names a torrent that is listed', async () => {
    const listed = await startTracker(server().url, { roles: ['http'], settings: { REDSWARM_LISTED: 'true' } })
    try {
      const url = `${listed.httpUrl}/announce`
      const { code, stdout } = await runCli(['check', url])
      expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining('announce: refused: torrent not') })
      await server().redis.sadd('whitelist:{a00}', hex('a'))
      expect((await runCli(['check', '--hash', hex('a'), url])).code).toBe(0)
    } finally {
      await listed.stop()
    }
  })
})
