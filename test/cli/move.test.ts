import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeLineWriter } from '../../lib/store/move/lines.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { runCli } from '../support/cli.ts'
import { drift, exported, fill, largeExport } from '../support/move.ts'
import { until, useRedis } from '../support/redis.ts'
import { announceOf, hashOf, storeOn } from '../support/store.ts'
import { trackerState } from '../support/tracker-state.ts'

const server = useRedis()
const env = (prefix = '') => ({ REDSWARM_REDIS_URL: server().url, REDSWARM_KEY_PREFIX: prefix })
const place = (prefix = '') => ({ redis: server().redis, keys: makeKeys(prefix) })
const stateOf = (prefix = '') => trackerState(server().redis, makeKeys(prefix))

let folder: string
beforeAll(async () => {
  folder = (await temporaryFolder('move')).path
})
const path = (name: string) => join(folder, name)

async function writeLarge(name: string, torrents: number): Promise<string> {
  await writeFile(path(name), largeExport(name, torrents, Number((await server().redis.time())[0])))
  return path(name)
}

describe('redswarm export and import', () => {
  it('move a tracker into a file and back, compressed by the name of the file, and tell how much', async () => {
    await fill(place())
    const before = await stateOf()
    for (const name of ['backup.jsonl', 'backup.jsonl.gz']) {
      const file = path(name)
      const out = await runCli(['export', file, '--json'], env())
      expect(out).toMatchObject({ code: 0, stderr: '' })
      const told = JSON.parse(out.stdout)
      const { torrents, seeders, leechers } = before.totals
      expect(told).toMatchObject({
        file,
        torrents,
        peers: seeders + leechers,
        keys: 2,
        bans: 3,
        accounts: 4,
        damaged: 0,
      })
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      const bytes = await readFile(file)
      const text = name.endsWith('.gz') ? gunzipSync(bytes) : bytes
      expect(text.length).toBe(told.bytes)
      expect(text.toString()).not.toContain('"secret"')
      const look = await runCli(['import', '--dry-run', file], env('dry:'))
      expect(look).toMatchObject({ code: 0, stderr: '' })
      expect(look.stdout).toMatch(
        /is whole: an export by redswarm 0\.1\.0, torrents 303, peers [\d,]+, whitelist 50, keys 2/,
      )
      const prefix = `to-${name}:`
      const back = await runCli(['import', file], env(prefix))
      expect(back).toMatchObject({ code: 0, stderr: '' })
      expect(back.stdout).toMatch(/ {2}torrents +303 +303 +0 +0 +0 +0\n/)
      expect(back.stdout).toContain('audit: drift 0\n')
      expect(await stateOf(prefix)).toEqual(before)
      expect(await server().redis.exists(`${prefix}import`)).toBe(0)
    }
    expect((await server().redis.keys('dry:*')).length).toBe(0)
    expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([])
  })

  it('go through pipes, with the secret where it is asked for', async () => {
    await fill(place())
    const before = await stateOf()
    const out = await runCli(['export', '--with-secret'], env())
    expect(out.code).toBe(0)
    expect(out.stderr).toMatch(/^ {2}Exported 303 torrents with [\d,]+ peers: [\d.]+ kB of lines\n/)
    const back = await runCli(['import', '-'], env('to:'), out.stdout)
    expect(back).toMatchObject({ code: 0, stderr: '' })
    expect(back.stdout).toContain('  the secret of the file is taken: frontends that run must be started again\n')
    expect(await stateOf('to:')).toEqual(before)
    expect(await server().redis.get('to:secret')).toBe('ab'.repeat(32))
    await server().redis.set('to:secret', 'cd'.repeat(32))
    const again = await runCli(['import', '-', '--merge', '--json'], env('to:'), out.stdout)
    expect(JSON.parse(again.stdout)).toMatchObject({ secret: 'other', is_all: true, drift: 0 })
    expect(await server().redis.get('to:secret')).toBe('cd'.repeat(32))
  })

  it('do not mix two trackers unless told to, and say what would win', async () => {
    await storeOn(server().redis).announce([announceOf()])
    const file = path('one.jsonl')
    await runCli(['export', file], env())
    await storeOn(server().redis, {}, undefined, 'to:').announce([announceOf({ infoHash: hashOf('b') })])
    const before = await stateOf('to:')
    const refused = await runCli(['import', file], env('to:'))
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain(
      'holds a tracker already: 1 torrents\n  with --merge the two become one: of a peer the later',
    )
    expect(await stateOf('to:')).toEqual(before)
    const merged = await runCli(['import', '--merge', file], env('to:'))
    expect(merged).toMatchObject({ code: 0, stderr: '' })
    expect((await stateOf('to:')).totals).toMatchObject({ torrents: 2, leechers: 2 })
  })

  it('end though more of a file would come, where it is refused', async () => {
    const text = (await exported(place('from:'))).text
    await storeOn(server().redis).announce([announceOf()])
    const child = spawn(process.execPath, ['services/main.ts', 'import', '-'], {
      env: { PATH: process.env.PATH, ...env() },
    })
    child.stdin.on('error', () => {}).write(text)
    // Its standard input stays open.
    const [code] = await once(child, 'exit')
    expect(code).toBe(2)
    child.stdin.destroy()
  })

  it('go on where an import was killed, or lost Redis', async () => {
    const TORRENTS = 30_000
    const file = await writeLarge('large.jsonl', TORRENTS)
    const markOf = async () => JSON.parse((await server().redis.hget('import', 'mark')) ?? '{"line":0}').line as number
    const child = spawn(process.execPath, ['services/main.ts', 'import', file], {
      env: { PATH: process.env.PATH, ...env() },
    })
    const gone = once(child, 'close')
    await until('some lines to be imported', async () => (await markOf()) > 0, 30_000)
    child.kill('SIGKILL')
    await gone
    const killedAt = await markOf()
    const second = runCli(['import', file], env())
    await until('more lines to be imported', async () => (await markOf()) > killedAt, 30_000)
    await server().redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    const lost = await second
    expect(lost).toMatchObject({ code: 2, stdout: '' })
    expect(lost.stderr).toContain('what was done stays; run it again for the rest')
    const lostAt = await markOf()
    expect(killedAt).toBeGreaterThan(0)
    expect(lostAt).toBeGreaterThan(killedAt)
    const other = await runCli(['import', await writeLarge('other.jsonl', 10)], env())
    expect(other.stderr).toContain('an import of another file that was interrupted')
    const { code, stdout, stderr } = await runCli(['import', file], env())
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain(`  gone on after line ${lostAt.toLocaleString('en-US')}, where it was interrupted\n`)
    expect(stdout).toMatch(/ {2}torrents +30,000 +\d+,\d+ +0 +\d+ +0 +0\n/)
    expect(stdout).toContain('  stored now: 30,000 torrents, 30,000 peers; audit: drift 0\n')
    expect((await stateOf()).totals).toEqual({
      torrents: TORRENTS,
      seeders: TORRENTS,
      leechers: 0,
      completed: 3 * TORRENTS,
    })
    expect(await drift(place())).toEqual([])
  })

  it('tell where a file is damaged or cut off, and import nothing of it from there on', async () => {
    const whole = await readFile(await writeLarge('whole.jsonl', 5000))
    const flipped = Buffer.from(whole)
    flipped[400_000] = (flipped[400_000] as number) ^ 1
    const packed = gzipSync(whole)
    const files: [name: string, bytes: Buffer, problem: RegExp][] = [
      ['flipped.jsonl', flipped, /flipped\.jsonl is damaged in one of its lines [\d]+ to [\d]+; what comes before/],
      ['cut.jsonl', whole.subarray(0, 300_000), /cut\.jsonl is cut off after line \d+; /],
      ['cut.jsonl.gz', packed.subarray(0, packed.length - 9), /cut\.jsonl\.gz is (?:cut off|damaged) after line \d+; /],
      [
        'block.jsonl',
        whole.subarray(0, whole.indexOf('\n', whole.indexOf('{"check"')) + 1),
        /is cut off after line \d+; /,
      ],
      ['more.jsonl', Buffer.concat([whole, whole]), /more\.jsonl is damaged in one of its lines/],
      ['none.jsonl', Buffer.from('{"some":"lines"}\n'), /none\.jsonl is cut off at its beginning/],
      ['empty.jsonl', Buffer.alloc(0), /empty\.jsonl is empty/],
      ['text.txt', Buffer.from('hello'), /text\.txt is neither an export of redswarm nor the sqlite database/],
    ]
    for (const [name, bytes, problem] of files) {
      await writeFile(path(name), bytes)
      for (const options of [[], ['--dry-run']]) {
        await server().redis.flushall()
        const { code, stdout, stderr } = await runCli(['import', path(name), ...options], env())
        expect([name, code, stdout]).toEqual([name, 2, ''])
        expect(stderr).toMatch(problem)
      }
    }
  })

  it('refuse lines that are none', async () => {
    const write = async (name: string, lines: string[]) => {
      const writer = makeLineWriter()
      await writeFile(path(name), writer.add(lines.map((line) => `${line}\n`).join('')) + writer.end())
      return await runCli(['import', path(name)], env())
    }
    const header = { redswarm: 'export', format: 1, id: 'a', at: 1, version: '9', peers: true, torrents: 0 }
    const foreign = await write('foreign.jsonl', [JSON.stringify(header), '{"what":1}', '{"end":{}}'])
    expect(foreign.stderr).toMatch(
      /line 2 of .*foreign\.jsonl is none of an export: it is no record that this version knows/,
    )
    expect(foreign.code).toBe(2)
  })

  it('end with 2 where the file or Redis cannot be had, and leave no half file', async () => {
    await storeOn(server().redis).announce([announceOf()])
    const nowhere = path('no/such/folder/f')
    expect(await runCli(['export', nowhere], env())).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`cannot write ${nowhere}`),
    })
    expect(await runCli(['import', nowhere], env())).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`cannot read ${nowhere}`),
    })
    expect(await runCli(['import'], env())).toMatchObject({ code: 2 })
    expect(await runCli(['import', 'a', 'b'], env())).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('one file'),
    })
    await chmod(folder, 0o700)
    const away = await runCli(['export', path('away')], { REDSWARM_REDIS_URL: 'redis://127.0.0.1:1' })
    expect(away).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot reach Redis') })
    expect((await readdir(folder)).filter((name) => name.startsWith('away') || name.endsWith('.part'))).toEqual([])
  })

  it('fail where nobody reads an export to its end', async () => {
    await fill(place())
    expect((await exported(place())).text.length).toBeGreaterThan(300_000)
    const child = spawn(
      'sh',
      ['-c', `{ "${process.execPath}" services/main.ts export; echo "exit $?" >&2; } | head -c 1`],
      {
        env: { PATH: process.env.PATH, ...env() },
      },
    )
    let stderr = ''
    child.stderr.on('data', (text: Buffer) => {
      stderr += text
    })
    await once(child, 'close')
    expect(stderr).toContain('redswarm: nobody reads on: what was written is no whole export\nexit 2\n')
  })
})
