import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Instance } from '../../lib/store/instances.ts'
import { serverFactsOf } from '../../lib/store/server-facts.ts'
import { type Finding, isTrouble } from '../../services/cli/doctor/finding.ts'
import { machineFindings } from '../../services/cli/doctor/machine-findings.ts'
import { redisFindings } from '../../services/cli/doctor/redis-findings.ts'
import { fsyncFindings, type SlowEntry, slowFinding } from '../../services/cli/doctor/redis-measures.ts'
import { type TrackerFacts, torrentsFindings, trackerFindings } from '../../services/cli/doctor/tracker-findings.ts'
import { temporaryFolder } from '../support/at-exit.ts'

/** What is wrong: `severity about: found`. */
const troubles = (findings: readonly Finding[]): string[] =>
  findings.filter(isTrouble).map(({ severity, about, found }) => `${severity} ${about}: ${found}`)

const WELL = {
  redis_version: '7.0.15',
  ...{ used_memory: 1000, maxmemory: 10_000, mem_fragmentation_ratio: 9, aof_enabled: 1 },
  ...{ connected_clients: 3, maxclients: 100, rdb_last_bgsave_status: 'ok', aof_last_write_status: 'ok' },
}
const redisWith = (fields: Record<string, string | number>): string[] =>
  troubles(
    redisFindings(
      serverFactsOf(
        Object.entries({ ...WELL, ...fields })
          .map(([k, v]) => `${k}:${v}`)
          .join('\r\n'),
      ),
    ),
  )

describe('what INFO tells', () => {
  it('is fine where nothing is wrong', () => expect(redisWith({})).toEqual([]))

  it.each([
    [{ role: 'slave' }, 'critical role: this Redis is a replica'],
    [{ used_memory: 9100 }, 'critical memory: 9,100 B of'],
    [{ used_memory: 7600 }, 'warning memory: 7,600 B of'],
    [{ aof_enabled: 0 }, 'warning persistence: there is no append-only file'],
    [{ aof_last_write_status: 'err' }, 'critical persistence: the append-only file cannot be written'],
    [{ aof_last_bgrewrite_status: 'err' }, 'warning persistence: the append-only file cannot be rewritten'],
    [{ rdb_last_bgsave_status: 'err' }, 'critical persistence: the last snapshot failed'],
    [{ evicted_keys: 5 }, 'warning eviction: 5 keys'],
    [{ connected_clients: 81 }, 'warning connections: 81 of 100'],
    [{ rejected_connections: 1 }, 'warning connections: 3 of 100 connections are used, 1 were rejected'],
    [{ used_memory: 200e6, maxmemory: 0, mem_fragmentation_ratio: 1.6 }, 'warning fragmentation: Redis takes 1.60'],
    [{ latest_fork_usec: 600_000 }, 'warning fork: its last fork'],
  ])('names %o', (fields, says) => {
    const found = redisWith(fields)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(says)
  })

  const replicated = {
    repl_backlog_active: 1,
    repl_backlog_size: 1e6,
    master_repl_offset: 1e6,
    uptime_in_seconds: 1000,
  }
  const replica = (changes: string) => ({ slave0: `ip=10.0.0.6,port=6379,state=online,offset=1000000,lag=0${changes}` })

  it('is fine of a replica that keeps up', () => expect(redisWith({ ...replicated, ...replica('') })).toEqual([]))

  it('names a replica that is behind, and a backlog that is short', () => {
    expect(redisWith({ ...replicated, ...replica(',lag=11') })[0]).toContain('10.0.0.6:6379 is online, 11 s')
    expect(redisWith({ ...replicated, ...replica(',state=wait_bgsave') })[0]).toContain('is wait_bgsave')
    expect(redisWith({ ...replicated, uptime_in_seconds: 50, ...replica('') })).toEqual([
      'warning replication: the backlog of 1000.0 kB covers 50 s of writing',
    ])
  })
})

describe('what CONFIG tells of the append-only file', () => {
  const of = (settings: Record<string, string>): Finding[] => fsyncFindings(new Map(Object.entries(settings)))

  it.each([
    [{ appendonly: 'yes', appendfsync: 'everysec' }, 'fine'],
    [{ appendonly: 'yes', appendfsync: 'always' }, 'warning'],
    [{ appendonly: 'yes', appendfsync: 'no' }, 'note'],
    [{}, 'unknown'],
  ])('%o is %s', (settings, severity) => expect(of(settings)).toMatchObject([{ severity, about: 'appendfsync' }]))

  it('is nothing where there is no such file', () =>
    expect(of({ appendonly: 'no', appendfsync: 'always' })).toEqual([]))
})

describe('what the slow log tells', () => {
  const NOW_S = 1_000_000
  const of = (...entries: SlowEntry[]): Finding => slowFinding(entries, NOW_S)

  it('is fine where nothing is of the last hour', () =>
    expect(of([1, NOW_S - 3600, 500_000, ['KEYS', '*']])).toMatchObject({ severity: 'fine' }))

  it('is the slowest, and who is to be looked for', () => {
    const found = of([2, NOW_S - 9, 20_000, ['PING']], [1, NOW_S - 60, 100_001, ['KEYS', '*', 'more']])
    expect(found).toMatchObject({
      severity: 'warning',
      found: '2 slow within an hour, the slowest of 100 ms, 60 s ago: KEYS *',
      todo: expect.stringContaining('who sends it?'),
    })
  })

  it('is for the machine where the tracker sent it', () =>
    expect(of([1, NOW_S, 99_000, ['fcall', 'redswarm_announce_1', '1']])).toMatchObject({
      severity: 'note',
      todo: expect.stringContaining('is the machine of Redis busy'),
    }))
})

describe('what the processes of a tracker have left', () => {
  const NOW_S = 1_000_000
  const instance = (changes: Partial<Instance> = {}): Instance => ({
    ...{
      id: 'x',
      roles: ['udp', 'sweeper'],
      host: 'a',
      pid: 7,
      version: '1.0.0',
      node: 'v24.1.0',
      startedAt: 1,
      at: NOW_S,
    },
    ...{ listens: [], rssBytes: 1, cpuCores: 0, requestsPerS: 0 },
    ...changes,
  })
  const of = (changes: Partial<TrackerFacts>): string[] =>
    troubles(
      trackerFindings({
        ...{ nowS: NOW_S, instances: [instance()], sweepIntervalS: 60 },
        ...{ sweeper: { sweptS: NOW_S - 60, holdS: undefined }, audit: undefined },
        ...changes,
      }),
    )

  it('is fine where all are at work', () => expect(of({})).toEqual([]))

  it.each([
    [{ instances: [] }, 'warning processes: no process'],
    [{ instances: [instance({ roles: ['udp'] })] }, 'warning sweeper: no sweeper runs'],
    [
      { instances: [instance(), instance({ at: NOW_S - 60 })] },
      'warning processes: udp, sweeper on a (pid 7) has said nothing for 60 s',
    ],
    [
      { instances: [instance(), instance({ version: '1.1.0' })] },
      'warning versions: Redswarm 1.0.0 and 1.1.0 run at once',
    ],
    [
      { sweeper: { sweptS: NOW_S - 181, holdS: undefined } },
      'critical sweeps: sweeps are overdue: the last was 3 min ago',
    ],
    [
      { audit: { atS: NOW_S, torrents: 9, peers: 9, drift: 5, repaired: 4 } },
      'warning audit: the last audit, 0 s ago, found a drift of 5',
    ],
  ])('names %o', (facts, says) => {
    const found = of(facts)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(says)
  })

  it('is fine where all of the drift was repaired, and while sweeps are not yet overdue', () => {
    expect(of({ audit: { atS: NOW_S, torrents: 9, peers: 9, drift: 5, repaired: 5 } })).toEqual([])
    expect(of({ sweeper: { sweptS: NOW_S - 180, holdS: undefined } })).toEqual([])
  })
})

describe('how many torrents there are', () => {
  const of = (torrents: number, max: number) => troubles(torrentsFindings(torrents, max))

  it('is fine far below the limit, and where there is none', () =>
    expect([of(0, 1000), of(899, 1000), of(5_000_000, 0)]).toEqual([[], [], []]))

  it('is told from nine tenths of the limit on, and is critical once new ones are refused', () => {
    expect(of(900, 1000)).toEqual([expect.stringContaining('warning torrents: 900 of 1,000 torrents are there, 90 %')])
    expect(of(999, 1000)).toEqual([expect.stringContaining('warning torrents: 999 of 1,000 torrents are there, 99 %')])
    expect(of(1000, 1000)).toEqual([expect.stringContaining('critical torrents: 1,000 of 1,000 torrents')])
  })
})

describe('what the system is set to', () => {
  const FILES = {
    'proc/sys/net/core/rmem_max': '4194304',
    'proc/sys/net/core/wmem_max': '4194304',
    'proc/sys/net/core/somaxconn': '4096',
    'proc/sys/vm/overcommit_memory': '1',
    'sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never',
    'proc/self/limits': 'Max open files            20000                20000                files',
    'proc/self/fd/0': '',
  }
  const of = async (changes: Record<string, string> = {}, nodeVersion = '24.1.0'): Promise<string[]> => {
    const { path, remove } = await temporaryFolder('test')
    try {
      for (const [name, text] of Object.entries({ ...FILES, ...changes })) {
        await mkdir(dirname(join(path, name)), { recursive: true })
        await writeFile(join(path, name), text)
      }
      return troubles(machineFindings({ root: path, nodeVersion }, { hasRedis: true, pids: [] }))
    } finally {
      await remove()
    }
  }

  it('is fine where it is as asked for', async () => expect(await of()).toEqual([]))

  it.each([
    ['proc/sys/net/core/rmem_max', '212992', 'UDP buffers: net.core.rmem_max is 212,992'],
    ['proc/sys/net/core/somaxconn', '128', 'backlog: net.core.somaxconn is 128'],
    ['proc/sys/vm/overcommit_memory', '0', 'overcommit: vm.overcommit_memory is 0'],
    [
      'sys/kernel/mm/transparent_hugepage/enabled',
      '[always] madvise never',
      'huge pages: transparent huge pages: always',
    ],
    [
      'proc/self/limits',
      'Max open files 1024 4096 files',
      'open files: a process that is started here has 1 files open, of 1,024',
    ],
  ])('names %s', async (path, text, says) => expect((await of({ [path]: text }))[0]).toContain(says))

  it('names a Node that is too old', async () =>
    expect((await of({}, '23.9.0'))[0]).toContain('critical Node: Node 23.9.0'))

  it('is told as unknown where it cannot be read', () => {
    const findings = machineFindings({ root: '/nowhere', nodeVersion: '24.0.0' }, { hasRedis: true, pids: [] })
    expect(troubles(findings)).toEqual([])
    expect(findings.filter(({ severity }) => severity === 'unknown')).toHaveLength(6)
  })
})
