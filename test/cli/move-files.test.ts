import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeLineWriter } from '../../lib/store/move/lines.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { type Ended, runCli } from '../support/cli.ts'
import { drift, exported, fill, largeExport } from '../support/move.ts'
import { until, useRedis } from '../support/redis.ts'
import { announceOf, storeOn } from '../support/store.ts'
import { trackerState } from '../support/tracker-state.ts'

const server = useRedis()
const env = (prefix = '') => ({ REDSWARM_REDIS_URL: server().url, REDSWARM_KEY_PREFIX: prefix })
const program = () => ({ env: { PATH: process.env.PATH, ...env() } })

let folder: string
beforeEach(async () => {
  const made = await temporaryFolder('files')
  folder = made.path
  onTestFinished(made.remove)
})
const path = (name: string) => join(folder, name)

/** Runs a command line of bash, in which `$redswarm` is the command. */
const bash = (line: string): Promise<Ended> =>
  new Promise((resolve) => {
    const redswarm = `${process.execPath} services/main.ts`
    execFile('bash', ['--norc', '-c', line], { env: { ...program().env, redswarm } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })

describe('the file of an export', () => {
  beforeEach(() => fill({ redis: server().redis, keys: makeKeys('') }))

  it('is not there where the disk is full, and what had its name before stays', async () => {
    const file = path('full.jsonl')
    await writeFile(file, 'of yesterday')
    // A limit of the system's on the size of a file, of 100 kB, fails a write as a full disk does.
    const { code, stderr } = await bash(`ulimit -f 100; $redswarm export ${file}`)
    expect([code, stderr]).toEqual([2, `redswarm: cannot write ${file}: EFBIG: file too large, write\n`])
    expect([await readFile(file, 'utf8'), await readdir(folder)]).toEqual(['of yesterday', ['full.jsonl']])
  })

  it('is not there where Ctrl-C ends it, or Redis goes', async () => {
    for (const [name, end, problem] of [
      ['stopped', (pid: number) => process.kill(pid, 'SIGINT'), 'stopped by SIGINT: there is no new'],
      ['lost', () => server().redis.call('CLIENT', 'KILL', 'TYPE', 'normal'), 'the connection to Redis was lost\n'],
    ] as const) {
      const child = spawn(process.execPath, ['services/main.ts', 'export', path(name)], program())
      const told = text(child.stderr)
      const gone = once(child, 'close')
      await until('it to write', async () => (await readdir(folder)).length > 0, 10_000)
      await end(child.pid as number)
      expect([name, (await gone)[0], await told]).toEqual([name, 2, expect.stringContaining(problem)])
      expect(await readdir(folder)).toEqual([])
    }
  })

  it('is behind a link that was there, for its owner alone, and replaces a file that others could read', async () => {
    await writeFile(path('real.jsonl'), 'of yesterday', { mode: 0o644 })
    await symlink('real.jsonl', path('link.jsonl'))
    expect(await runCli(['export', path('link.jsonl')], env())).toMatchObject({ code: 0, stderr: '' })
    expect(await readlink(path('link.jsonl'))).toBe('real.jsonl')
    expect((await lstat(path('real.jsonl'))).mode & 0o777).toBe(0o600)
    expect((await runCli(['import', '--dry-run', path('link.jsonl')], env())).stdout).toContain('link.jsonl is whole')
    expect((await readdir(folder)).sort()).toEqual(['link.jsonl', 'real.jsonl'])
  })

  it('is no folder, and a pipe is written into', async () => {
    await mkdir(path('folder'))
    const pipe = path('pipe')
    const ends = await Promise.all([
      runCli(['export', path('folder')], env()),
      bash('$redswarm export > /dev/full'),
      bash('$redswarm export >(head -c 1)'),
      bash(`mkfifo ${pipe}; timeout 20 wc -l ${pipe} & $redswarm export ${pipe} && wait`),
    ])
    const [inFolder, stdout, cut, whole] = ends as [Ended, Ended, Ended, Ended]
    expect(inFolder.stderr).toBe(`redswarm: cannot write ${path('folder')}: it is a folder\n`)
    expect(stdout.stderr).toBe('redswarm: cannot write standard output: ENOSPC: no space left on device, write\n')
    expect(cut.stderr).toMatch(/^redswarm: cannot write \/dev\/fd\/\d+: EPIPE: broken pipe, write\n$/)
    expect(ends.map(({ code }) => code)).toEqual([2, 2, 2, 0])
    expect(whole.stdout).toMatch(/^\d{3,} .*pipe$/m)
    expect(whole.stdout).toContain('Exported 303 torrents')
    expect((await lstat(pipe)).isFIFO()).toBe(true)
  })

  it('is a pipe that nobody reads until Ctrl-C ends it', async () => {
    execFileSync('mkfifo', [path('pipe')])
    const connections = async () =>
      String(await server().redis.client('LIST'))
        .trim()
        .split('\n').length
    const before = await connections()
    const child = spawn(process.execPath, ['services/main.ts', 'export', path('pipe')], program())
    onTestFinished(() => void child.kill('SIGKILL'))
    const gone = once(child, 'exit')
    await until('it to connect', async () => (await connections()) > before, 10_000)
    await sleep(500)
    child.kill('SIGINT')
    expect(await gone).toEqual([null, 'SIGINT'])
  })

  it('is whole where two are written to one name at once: one of them says that it is not', async () => {
    const file = path('both.jsonl')
    const ends = await Promise.all(Array.from({ length: 3 }, () => runCli(['export', file], env())))
    const lost = ends.filter(({ code }) => code === 2)
    expect(ends.filter(({ code }) => code === 0).length).toBeGreaterThan(0)
    for (const { stderr } of lost) expect(stderr).toMatch(/another export writes .*both\.jsonl|EEXIST/)
    expect((await runCli(['import', '--dry-run', file], env())).stdout).toContain('both.jsonl is whole')
    expect(await readdir(folder)).toEqual(['both.jsonl'])
  })
})

describe('a file that is imported', () => {
  let lines: string
  beforeAll(async () => {
    await storeOn(server().redis, {}, undefined, 'a:').announce([announceOf()])
    lines = (await exported({ redis: server().redis, keys: makeKeys('a:') })).text
  })
  const importOf = async (name: string, bytes: string | Buffer, ...options: string[]): Promise<Ended> => {
    await writeFile(path(name), bytes)
    return await runCli(['import', path(name), ...options], env())
  }
  const withChecks = (all: string[]): string => {
    const writer = makeLineWriter()
    return writer.add(all.map((line) => `${line}\n`).join('')) + writer.end()
  }

  it('is none where its lines end as those of Windows do, or one has no end, compressed or not', async () => {
    for (const [name, bytes, problem] of [
      ['crlf.jsonl', lines.replaceAll('\n', '\r\n'), /crlf\.jsonl has lines that end in CR LF/],
      ['long.jsonl', `{${'x'.repeat(5e6)}`, /long\.jsonl is damaged after line 0/],
      ['long.jsonl.gz', gzipSync(`{${'x'.repeat(3e8)}`), /long\.jsonl\.gz is damaged after line 0/],
      [
        'deep.jsonl',
        withChecks([lines.split('\n')[0] as string, '['.repeat(200_000)]),
        /line 2 of .*deep\.jsonl is none/,
      ],
    ] as const) {
      const { code, stderr } = await importOf(name, bytes)
      expect([name, code, stderr]).toEqual([name, 2, expect.stringMatching(problem)])
    }
    expect((await trackerState(server().redis, makeKeys(''))).totals.torrents).toBe(0)
  })

  it.each([1, 2])('may be of a format before: %i', async (format) => {
    const former = await readFile(new URL(`../store/former/export-${format}.jsonl`, import.meta.url))
    const { code, stderr, stdout } = await importOf('former.jsonl', former)
    expect([code, stderr]).toEqual([0, ''])
    for (const row of [
      'torrents +1 +1 ',
      'whitelist +1 +1 ',
      'keys +1 +1 ',
      'bans +1 +1 ',
      'accounts +1 +1 ',
      'reports +0 ',
      'denied +0 ',
    ])
      expect(stdout).toMatch(new RegExp(`  ${row}`))
  })

  it('of a later format is refused, and it says which version wrote it', async () => {
    const header = { redswarm: 'export', id: 'a', at: 1, version: '9.8.7\u001b', peers: true, torrents: 0 }
    for (const [format, problem] of [
      [
        4,
        'has format 4, and this redswarm reads formats 1 to 3\n  a newer one wrote it (version 9.8.7?): import it with that one',
      ],
      [0, 'is no export of redswarm: it has no format'],
      ['2', 'is no export of redswarm: it has no format'],
    ] as const) {
      const later = await importOf('later.jsonl', withChecks([JSON.stringify({ ...header, format })]))
      expect([later.code, later.stderr]).toEqual([2, expect.stringContaining(problem)])
    }
  })

  it('may be imported twice at once, and another beside it, without harm', async () => {
    const nowS = Number((await server().redis.time())[0])
    await Promise.all(['a', 'b'].map((name) => writeFile(path(name), largeExport(name, 8000, nowS))))
    const ends = await Promise.all(['a', 'a', 'b'].map((name) => runCli(['import', '--merge', path(name)], env())))
    for (const { code, stderr } of ends) expect([code, stderr]).toEqual([0, ''])
    const { redis } = server()
    expect(await makeSwarmReader({ redis, keys: makeKeys('') }).totals()).toMatchObject({
      ...{ torrents: 16_000, seeders: 16_000, completed: 48_000 },
    })
    expect(await drift({ redis, keys: makeKeys('') })).toEqual([])
    expect(await redis.exists('import')).toBe(0)
  })

  it('goes on after a mark that the version before has left, and not after one that is none', async () => {
    const { id } = JSON.parse(lines.split('\n')[0] as string) as { id: string }
    const outcome = { rows: 0, added: 0, changed: 0, unchanged: 0, expired: 0, bad: 0 }
    const former = Object.fromEntries(
      ['torrents', 'peers', 'whitelist', 'keys', 'bans', 'accounts'].map((name) => [name, outcome]),
    )
    const report = { ...former, secret: 'none', problems: [] }
    await server().redis.hset('import', {
      id,
      mark: JSON.stringify({ line: 0, report, before: { torrents: 0, peers: 0 } }),
    })
    expect(await importOf('marked.jsonl', lines)).toMatchObject({ code: 0, stderr: '' })
    await server().redis.hset('import', { id, mark: '{"li' })
    const { code, stderr } = await importOf('marked.jsonl', lines)
    expect([code, stderr]).toEqual([2, expect.stringContaining('import does not tell how far the import is')])
  })
})
