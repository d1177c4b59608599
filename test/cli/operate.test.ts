import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import { makeReport } from '../../lib/wire/announce.ts'
import { runCli } from '../support/cli.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'
import { startTracker, type TestTracker } from '../support/tracker.ts'

const hex = (digit: string): string => hashOf(digit).toString('hex')
const server = useRedis()
const keys = makeKeys('')
const redswarm = (...args: string[]) => runCli(args, { REDSWARM_REDIS_URL: server().url })
const jsonOf = async (...args: string[]) => {
  const { code, stdout } = await redswarm(...args, '--json')
  return { code, body: JSON.parse(stdout) }
}
let tracker: TestTracker
beforeAll(async () => {
  tracker = await startTracker(server().url, { roles: ['udp', 'http', 'api', 'sweeper'] })
})
afterAll(() => tracker?.stop())

/** Three torrents: a with two peers, b with one seeder, c with a leecher whose client nobody knows. */
beforeEach(async () => {
  const { announce } = storeOn(server().redis)
  const qBittorrent = makeReport(Buffer.from('-qB4670-abcdefghijkl'), 3000n, 1500n, 20_000n)
  await announce([
    announceOf({ report: qBittorrent, endpoint: at('192.0.2.1', 51413) }),
    announceOf({ isSeeder: true, endpoint: at('2001:db8::2') }),
    announceOf({ infoHash: hashOf('b'), isSeeder: true }),
    announceOf({
      infoHash: hashOf('c'),
      report: makeReport(Buffer.from('\x1b[2J\x9b1234567890abcde', 'latin1'), 0n, 1n, 0n),
    }),
  ])
})

describe('redswarm status', () => {
  it('tells processes, counts, rates, Redis and the sweeper, with what was announced', async () => {
    let isRunning = true
    const asked = jsonOf('status').finally(() => {
      isRunning = false
    })
    // As long as it looks: on a busy machine it begins late.
    while (isRunning) await (await fetch(`${tracker.httpUrl}/scrape?info_hash=${'a'.repeat(20)}`)).arrayBuffer()
    const { code, body } = await asked
    expect(code).toBe(0)
    expect(body.totals).toEqual({ torrents: 3, seeders: 2, leechers: 2, completed: 0, whole: true })
    expect(body.processes).toMatchObject([
      { roles: ['udp', 'http', 'api', 'sweeper'], pid: process.pid, silent: false },
    ])
    expect(body.counted.http_scrapes).toBeGreaterThan(0)
    expect(body.rates.http_scrapes_per_s).toBeGreaterThan(0)
    expect(body.server).toMatchObject({ kind: 'redis', role: 'master', replicas: 0, append_only_file: false })
    expect(body.problems).toContainEqual(expect.objectContaining({ severity: 'warning', about: 'persistence' }))
  })

  it('has what is wrong at its top, and marks who is silent', async () => {
    const gone = { id: 'gone', roles: ['udp'], host: 'elsewhere\x1b[2J', pid: 7, version: '0.0.9', node: 'v24.0.0' }
    const numbers = { startedAt: 1, at: 1000, listens: ['udp 0.0.0.0:6969'], rssBytes: 1, cpuCores: 1, requestsPerS: 9 }
    await server().redis.hset('instances', 'gone', JSON.stringify({ ...gone, ...numbers }))
    const { code, stdout } = await redswarm('status')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^[\x20-\x7e\n]*$/)
    const lines = stdout.split('\n')
    expect(lines[0]).toMatch(/^ {2}Redswarm on unix:.*: \d things are wrong$/)
    const warned = lines.findIndex((line) =>
      /^ {2}warning {2,}processes +udp on elsewhere\?\[2J \(pid 7\) has said/.test(line),
    )
    const head = lines.findIndex((line) => line.startsWith('  roles'))
    expect(warned).toBeGreaterThan(0)
    expect(warned).toBeLessThan(head)
    expect(lines.find((line) => line.startsWith('  udp  '))).toMatch(/elsewhere.* - +- +- {2}silent for \d[\d,]* d$/)
    expect(stdout).toContain(
      '  torrents  seeders  leechers  peers  completed\n         3        2         2      4          0\n',
    )
  })
})

describe('redswarm torrents', () => {
  it('lists in the order of info hashes, and goes on after one', async () => {
    const { stdout } = await redswarm('torrents', '--limit', '2')
    expect(stdout.split('\n')).toEqual([
      '  info hash                                 seeders  leechers  completed',
      `  ${hex('a')}        1         1          0`,
      `  ${hex('b')}        1         0          0`,
      `  more come: --after ${hex('b')}`,
      '',
    ])
    const { body } = await jsonOf('torrents', '--after', hex('b'))
    expect(body).toEqual({
      torrents: [{ info_hash: hex('c'), seeders: 0, leechers: 1, completed: 0 }],
      next: null,
    })
  })

  it('lists the best of a ranking, and says where there is none', async () => {
    await server().redis.del(
      ...(['seeders', 'leechers', 'completed'] as const).flatMap((by) => [keys.ranks(by), keys.ranksMade(by)]),
    )
    expect((await redswarm('torrents', '--by', 'leechers')).stdout).toContain('there is no ranking yet')
    const ranked = ['a', 'c'].map((digit, i) => ({ hex: hex(digit), score: 7 + i }))
    await writeRanks(server().redis, keys, 'leechers', ranked)
    const { body } = await jsonOf('torrents', '--by', 'leechers')
    expect(body.torrents.map((torrent: { info_hash: string }) => torrent.info_hash)).toEqual([hex('c'), hex('a')])
    expect(body).toMatchObject({ by: 'leechers', ranked: 2, made_at: expect.any(Number) })
  })
})

describe('redswarm swarm', () => {
  it('tells counts and peers: address, role, client, amounts', async () => {
    const { code, stdout } = await redswarm('swarm', hex('a'))
    expect(code).toBe(0)
    const [head, counts, , ...table] = stdout.trimEnd().split('\n')
    expect(head).toBe(`  ${hex('a')}`)
    expect(counts).toMatch(/^ {2}seeders 1, leechers 1, completed 0, here since \d{4}-.* UTC$/)
    expect(table.map((line) => line.replace(/ \d+ s /, ' n s '))).toEqual([
      '  peer                role     client       heard     left       up     down',
      '  192.0.2.1:51413     leecher  qBittorrent    n s  1,500 B  20.0 kB  3,000 B',
      '  [2001:db8::2]:6881  seeder   -RS0001-       n s      0 B      0 B      0 B',
    ])
    const { body } = await jsonOf('swarm', hex('a'), '--limit', '1')
    expect(body).toMatchObject({ known: true, seeders: 1, leechers: 1 })
    expect(body.peers).toMatchObject([{ address: '192.0.2.1', port: 51413, client: 'qBittorrent', left: 1500 }])
  })

  it('keeps what a client wrote off the terminal, and ends with 1 where there is no such torrent', async () => {
    const { stdout } = await redswarm('swarm', hex('c'))
    expect(stdout).toMatch(/^[\x20-\x7e\n]*$/)
    expect(stdout).toContain('leecher  ?[2J?123')
    const unknown = await redswarm('swarm', hex('d'))
    expect(unknown).toEqual({ code: 1, stdout: '', stderr: `redswarm: there is no torrent ${hex('d')}\n` })
    expect((await jsonOf('swarm', hex('d'))).body).toEqual({ info_hash: hex('d'), known: false })
  })
})

describe('commands that look', () => {
  it('end with 2 where they are called wrongly, or Redis is away', async () => {
    const wrong = [
      ['torrents', '--by', 'size'],
      ['torrents', '--limit', '0'],
      ['swarm', 'zz'],
      ['swarm'],
      ['top', '--interval', '0'],
    ]
    const away = [['status'], ['torrents'], ['swarm', hex('a')], ['top', '--once'], ['doctor']]
    const ended = await Promise.all([
      ...wrong.map((args) => redswarm(...args)),
      ...away.map((args) => runCli(args, { REDSWARM_REDIS_URL: 'redis://u:hunter2@127.0.0.1:1' })),
    ])
    for (const [i, { code, stdout, stderr }] of ended.entries()) {
      expect({ i, code }).toEqual({ i, code: 2 })
      expect(stdout + stderr).not.toMatch(/hunter2| {4}at /)
    }
  })

  it('have help with examples and exit codes', async () => {
    const commands = ['status', 'torrents', 'swarm', 'doctor', 'top', 'announce', 'scrape', 'check', 'completion']
    const helps = await Promise.all(commands.map((command) => redswarm(command, '--help')))
    for (const { code, stdout } of helps) {
      expect(code).toBe(0)
      expect(stdout).toMatch(/Examples:\n {2}\$ npx redswarm [\s\S]*Exit code: 0/)
    }
  })
})

it('without a tracker on the data folder, what to do is said', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
  try {
    const { code, stderr } = await runCli(['status'], { REDSWARM_DATA_DIR: folder })
    expect(code).toBe(2)
    expect(stderr).toMatch(/no tracker runs on .*\n {2}start it/)
  } finally {
    await rm(folder, { recursive: true })
  }
})
