import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makePasskeyStore } from '../../lib/store/passkeys.ts'
import { makeWhitelist } from '../../lib/store/whitelist.ts'
import { type Ended, runCli } from '../support/cli.ts'
import { withProgram } from '../support/program.ts'
import { useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'

const server = useRedis()
const redswarm = (args: string[], input?: string, env: Record<string, string> = {}): Promise<Ended> =>
  runCli(args, { REDSWARM_REDIS_URL: server().url, ...env }, input)
const done = (stdout: string, stderr = ''): Ended => ({ code: 0, stdout, stderr })
const hex = (digits: string): string => hashOf(digits).toString('hex')
const listed = async (prefix = '') =>
  (await Array.fromAsync(makeWhitelist({ redis: server().redis, keys: makeKeys(prefix) }).scan())).flat()

/** Runs a test with a file of this text. */
async function withFile(text: string, test: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
  try {
    await writeFile(join(folder, 'hashes'), text)
    await test(join(folder, 'hashes'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

describe('redswarm whitelist', () => {
  it('lists torrents, once, in either case of the digits, and says how many were listed before', async () => {
    expect(await redswarm(['whitelist', 'add', hex('b'), hex('a').toUpperCase()])).toEqual(
      done('  2 listed, 0 listed before\n'),
    )
    expect(await redswarm(['whitelist', 'add', hex('b'), hex('c')])).toEqual(done('  1 listed, 1 listed before\n'))
    expect(await listed()).toEqual([hex('a'), hex('b'), hex('c')])
  })

  it('takes torrents off the list, and ends with 1 where one was not on it', async () => {
    await redswarm(['whitelist', 'add', hex('a'), hex('b')])
    expect(await redswarm(['whitelist', 'remove', hex('a')])).toEqual(done('  1 taken off the list, 0 not on it\n'))
    const again = await redswarm(['whitelist', 'remove', hex('a'), hex('b')])
    expect(again).toEqual({ ...done('  1 taken off the list, 1 not on it\n'), code: 1 })
    expect(await listed()).toEqual([])
  })

  it('changes nothing where one of the info hashes is none', async () => {
    const { code, stderr } = await redswarm(['whitelist', 'add', hex('a'), 'z'.repeat(200)])
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `redswarm: an info hash must be 40 hex digits, not "${'z'.repeat(80)}"\n`,
    })
    expect(await listed()).toEqual([])
  })

  it('prints what is listed in order, for people, for a file and as JSON', async () => {
    expect(await redswarm(['whitelist', 'list'])).toEqual(done(''))
    expect(await redswarm(['whitelist', 'list', '--json'])).toEqual(done('[]\n'))
    await redswarm(['whitelist', 'add', hex('c'), hex('a'), hex('b')])
    const { stdout } = await redswarm(['whitelist', 'list'])
    expect(stdout).toBe(`${hex('a')}\n${hex('b')}\n${hex('c')}\n`)
    expect(JSON.parse((await redswarm(['whitelist', 'list', '--json'])).stdout)).toEqual([hex('a'), hex('b'), hex('c')])
    await server().redis.flushall()
    expect((await redswarm(['whitelist', 'import', '-'], stdout)).code).toBe(0)
    expect(await listed()).toEqual([hex('a'), hex('b'), hex('c')])
  })

  it('imports a file: an info hash a line, with comments, empty lines, and whatever ends a line', async () => {
    const text = `\ufeff# ours\r\n\n  ${hex('a')}\r\n${hex('b').toUpperCase()} # of 2026\n${hex('a')}`
    await withFile(text, async (path) => {
      expect(await redswarm(['whitelist', 'import', path])).toEqual(done('  2 listed, 1 listed before\n'))
      expect(await redswarm(['whitelist', 'import', path])).toEqual(done('  0 listed, 3 listed before\n'))
    })
    expect(await listed()).toEqual([hex('a'), hex('b')])
  })

  it('imports nothing of a file with bad lines, and tells their numbers', async () => {
    const bad = Array.from({ length: 30 }, (_, i) => `bad${i}`)
    await withFile([hex('a'), '', ...bad, 'y'.repeat(100_000)].join('\n'), async (path) => {
      const { code, stdout, stderr } = await redswarm(['whitelist', 'import', path])
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      const lines = stderr.split('\n')
      expect(lines[0]).toMatch(/^redswarm: not 40 hex digits in 31 lines of .*, so that nothing was imported/)
      expect(lines.slice(1, 3)).toEqual(['  line 3: "bad0"', '  line 4: "bad1"'])
      expect(lines.slice(-2)).toEqual(['  … and 11 more', ''])
      expect(await listed()).toEqual([])
      const skipping = await redswarm(['whitelist', 'import', '--skip-bad', path])
      expect(skipping).toMatchObject({ code: 0, stdout: '  1 listed, 0 listed before\n' })
      expect(skipping.stderr).toContain('  line 3: "bad0"\n')
      expect(await listed()).toEqual([hex('a')])
    })
  })

  it('imports many lines, in memory that does not grow with them, and leaves no file behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
    const hashes = Array.from({ length: 200_000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 0)
    const text = hashes.map((number) => `${number.toString(16).padStart(8, '0').padEnd(40, '7')} # ${'x'.repeat(200)}`)
    try {
      // 37 MB are in use while it imports, however many lines there are; these are 50 MB.
      const env = { NODE_OPTIONS: '--max-old-space-size=64', TMPDIR: folder }
      const ended = await redswarm(['whitelist', 'import', '-'], text.join('\n'), env)
      expect(ended).toEqual(done('  200,000 listed, 0 listed before\n'))
      expect(await readdir(folder)).toEqual([])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
    const counts = await Promise.all((await server().redis.keys('whitelist:*')).map((key) => server().redis.scard(key)))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200_000)
  })

  it('says of a file that cannot be read which it is, and why', async () => {
    const ended = await redswarm(['whitelist', 'import', '/no/such/file'])
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toMatch(/^redswarm: cannot read \/no\/such\/file: ENOENT/)
  })
})

describe('redswarm keys', () => {
  const K = 'k'.repeat(32)
  const passkeys = async () =>
    (await Array.fromAsync(makePasskeyStore({ redis: server().redis, keys: makeKeys('') }).scan())).flat()

  it('makes keys, each another one, and prints the key alone where a script reads it', async () => {
    const [first, second] = [await redswarm(['keys', 'add']), await redswarm(['keys', 'add'])]
    expect(first).toEqual(done(expect.stringMatching(/^[0-9A-Za-z]{32}\n$/), '  added, valid for ever\n'))
    expect(second.stdout).not.toBe(first.stdout)
    const made = [first.stdout.trim(), second.stdout.trim()]
    expect((await passkeys()).map(({ passkey }) => passkey).sort()).toEqual(made.sort())
  })

  it('adds a key that is valid for a time, and changes until when one is valid', async () => {
    expect((await redswarm(['keys', 'add', K])).stderr).toBe('  added, valid for ever\n')
    for (const [valid, seconds] of [
      ['30d', 30 * 86_400],
      ['12h', 12 * 3600],
      ['90m', 90 * 60],
      ['45s', 45],
      ['2w', 14 * 86_400],
    ] as const) {
      const { code, stdout, stderr } = await redswarm(['keys', 'add', K, '--valid', valid])
      expect({ code, stdout }).toEqual({ code: 0, stdout: `${K}\n` })
      expect(stderr).toMatch(/^ {2}it was there; valid now until \d{4}-\d\d-\d\d \d\d:\d\d UTC\n$/)
      const [nowS] = await server().redis.time()
      const [{ validUntilS = 0 } = {}] = await passkeys()
      expect(Math.abs(validUntilS - Number(nowS) - seconds)).toBeLessThan(20)
    }
  })

  it('removes a key, and ends with 1 where there is none such', async () => {
    await redswarm(['keys', 'add', K])
    expect(await redswarm(['keys', 'remove', K])).toEqual(done('  removed\n'))
    expect(await redswarm(['keys', 'remove', K])).toEqual({
      code: 1,
      stdout: '',
      stderr: `redswarm: there is no key "${K}"\n`,
    })
    expect(await passkeys()).toEqual([])
  })

  it('prints keys with what was moved with each: a table that lines up, and JSON with all digits', async () => {
    expect((await redswarm(['keys', 'list'])).stdout).toBe('  no keys: `redswarm keys add` makes one\n')
    expect((await redswarm(['keys', 'list', '--json'])).stdout).toBe('[]\n')
    const { redis } = server()
    await redis.hset('keys', { [K]: '0', ['a'.repeat(32)]: '1000', ['z'.repeat(32)]: '2000000000' })
    await redis.hset('accounts:{000}', `${K}:up`, '9007199254740993')
    await redis.hset('accounts:{fff}', { [`${K}:up`]: '1', [`${K}:down`]: '7', 'gone:up': '5' })
    const { stdout } = await redswarm(['keys', 'list'])
    expect(stdout.split('\n')).toEqual([
      '  key                               valid                                      bytes up  bytes down',
      `  ${'a'.repeat(32)}  expired 1970-01-01 00:16 UTC                      0           0`,
      `  ${K}  for ever                      9,007,199,254,740,994           7`,
      `  ${'z'.repeat(32)}  until 2033-05-18 03:33 UTC                        0           0`,
      '',
    ])
    const json = (await redswarm(['keys', 'list', '--json'])).stdout
    expect(json).toContain(`{ "key": "${K}", "valid_until": null, "uploaded": 9007199254740994, "downloaded": 7 }`)
    expect(JSON.parse(json)).toHaveLength(3)
  })

  it('refuses what is no key and no time, and says what they are', async () => {
    const bad = await redswarm(['keys', 'add', 'short'])
    expect(bad).toEqual({ code: 2, stdout: '', stderr: 'redswarm: a key must be 32 letters and digits, not "short"\n' })
    for (const valid of ['0d', '30', 'd', '-1d', '1.5h', '9999999999w']) {
      const { code, stderr } = await redswarm(['keys', 'add', `--valid=${valid}`])
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: `redswarm: --valid must be a number and s, m, h, d or w, such as 30d or 12h, not "${valid}"\n`,
      })
    }
    expect(await passkeys()).toEqual([])
  })
})

describe('whitelist and keys', () => {
  it('work on the private Redis of a tracker that runs, and say what to do where none does', () =>
    withProgram(['up'], {}, async (tracker) => {
      await tracker.serving()
      const own = { REDSWARM_DATA_DIR: tracker.dataDir }
      expect((await runCli(['whitelist', 'add', hex('a')], own)).code).toBe(0)
      expect((await runCli(['whitelist', 'list'], own)).stdout).toBe(`${hex('a')}\n`)
      const redis = new Redis({ path: join(tracker.dataDir, 'redis.sock'), protocol: 2 })
      expect(await redis.smembers('whitelist:{a00}')).toEqual([hex('a')])
      redis.disconnect()
      await tracker.end()
      const stopped = await runCli(['keys', 'list'], own)
      expect(stopped).toMatchObject({ code: 2, stdout: '' })
      expect(stopped.stderr).toMatch(/no tracker runs on .* no Redis to look into\n {2}start it .*REDSWARM_REDIS_URL/)
    }))

  it('keep to the key prefix of the settings', async () => {
    const env = { REDSWARM_KEY_PREFIX: 'our-' }
    await redswarm(['whitelist', 'add', hex('a')], '', env)
    await redswarm(['keys', 'add'], '', env)
    expect((await server().redis.keys('*')).sort()).toEqual([
      ...['our-keys', 'our-schema', 'our-whitelist:{a00}', '{our-keys}:version'],
    ])
    expect((await redswarm(['keys', 'list'], '', env)).stdout.split('\n')).toHaveLength(3)
  })

  it('end with 2 where they cannot run: another layout, Redis away', async () => {
    await server().redis.set('schema', '7')
    for (const args of [
      ['whitelist', 'add', hex('a')],
      ['whitelist', 'list'],
      ['keys', 'add'],
    ]) {
      const { code, stdout, stderr } = await redswarm(args)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toContain('has layout 7')
    }
    expect(await listed()).toEqual([])
    const away = await redswarm(['keys', 'list'], '', { REDSWARM_REDIS_URL: 'redis://user:hunter2@127.0.0.1:1' })
    expect(away).toMatchObject({ code: 2, stdout: '' })
    expect(away.stderr).not.toMatch(/hunter2| {4}at /)
  })

  it('end with 2 where a command or an option is none, and have help with examples', async () => {
    for (const args of [['whitelist'], ['keys', 'bake'], ['keys', 'list', '--jsn'], ['import', 'chihaya', 'x']])
      expect({ args, code: (await redswarm(args)).code }).toEqual({ args, code: 2 })
    for (const args of [['whitelist'], ['keys'], ['import'], ['keys', 'add'], ['import', 'torrust']]) {
      const help = await redswarm([...args, '--help'])
      expect({ args, code: help.code }).toEqual({ args, code: 0 })
      expect(help.stdout).toMatch(/Examples:\n {2}\$ npx redswarm /)
    }
  })
})

describe('redswarm ban', () => {
  it('bans networks, each once and spelled one way, and ends bans', async () => {
    expect(await redswarm(['ban', 'add', '192.0.2.9/24', '192.0.2.0/24', '2001:DB8::1'])).toEqual(
      done('  2 banned, 1 banned before; for ever\n'),
    )
    expect(await redswarm(['ban', 'list', '--json'])).toEqual(
      done(
        expect.stringMatching(
          /^\[\s+\{\s+"network": "192.0.2.0\/24",\s+"until": null\s+\},\s+\{\s+"network": "2001:db8::1"/,
        ),
      ),
    )
    expect(await redswarm(['ban', 'remove', '192.0.2.0/24', '192.0.2.1'])).toEqual({
      code: 1,
      stdout: '  1 no longer banned\n',
      stderr: 'redswarm: 192.0.2.1 is not banned\n',
    })
    expect(await server().redis.hkeys('bans')).toEqual(['2001:db8::1'])
  })

  it('says what is no network or no time, and bans nothing then', async () => {
    for (const [args, problem] of [
      [
        ['add', '192.0.2.1', 'everybody'],
        /^redswarm: a ban is of an address or a network, like .*, not "everybody"\n$/,
      ],
      [['add', '0.0.0.0/0'], /not "0\.0\.0\.0\/0"/],
      [
        ['add', '192.0.2.1', '--for', 'long'],
        /^redswarm: --for must be a number and s, m, h, d or w, .* not "long"\n$/,
      ],
    ] as const) {
      const { code, stderr } = await redswarm(['ban', ...args])
      expect([code, stderr]).toEqual([2, expect.stringMatching(problem)])
    }
    expect(await server().redis.exists('bans')).toBe(0)
  })
})
