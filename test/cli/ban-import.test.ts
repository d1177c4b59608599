import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/at-exit.ts'
import { type Ended, runCli } from '../support/cli.ts'
import { useRedis } from '../support/redis.ts'

const server = useRedis()
const redswarm = (args: string[], input?: string | Buffer): Promise<Ended> =>
  runCli(args, { REDSWARM_REDIS_URL: server().url }, input as string)
const banned = async () => (await server().redis.hkeys('bans')).sort()

/** Runs a test with a file of this text. */
async function withFile(bytes: string | Buffer, test: (path: string) => Promise<void>): Promise<void> {
  const { path, remove } = await temporaryFolder('list')
  try {
    await writeFile(join(path, 'list'), bytes)
    await test(join(path, 'list'))
  } finally {
    await remove()
  }
}

describe('redswarm ban import', () => {
  it('bans the addresses of a list, merged, once', () =>
    withFile('a:192.0.2.0-192.0.2.127\nb:192.0.2.100-192.0.2.255\n198.51.100.7\n2001:db8::/32 # x\n', async (path) => {
      expect(await redswarm(['ban', 'import', path])).toMatchObject({
        ...{ code: 0, stderr: '' },
        stdout: `  ${path}: 4 ranges, 3 networks\n  3 banned, 0 banned before; for ever\n`,
      })
      expect(await banned()).toEqual(['192.0.2.0/24', '198.51.100.7', '2001:db8::/32'])
      const version = await server().redis.get('{bans}:version')
      expect((await redswarm(['ban', 'import', path])).stdout).toContain('  0 banned, 3 banned before; for ever\n')
      expect(await server().redis.get('{bans}:version')).toBe(version)
    }))

  it('leaves what is banned for longer, and prolongs the rest', () =>
    withFile('192.0.2.1\n192.0.2.3\n', async (path) => {
      await redswarm(['ban', 'add', '192.0.2.1'])
      await redswarm(['ban', 'add', '192.0.2.3', '--for', '1h'])
      const { stdout } = await redswarm(['ban', 'import', path, '--for', '30d'])
      expect(stdout).toContain('  0 banned, 1 for longer now, 1 banned before; until ')
      expect(await server().redis.hget('bans', '192.0.2.1')).toBe('0')
    }))

  it('tells what cannot be read with its line, and bans the rest; or nothing with --strict', () =>
    withFile(['192.0.2.1', ...Array.from({ length: 25 }, (_, i) => `bad ${i}`)].join('\r\n'), async (path) => {
      const strict = await redswarm(['ban', 'import', '--strict', path])
      expect([strict.code, strict.stdout, await banned()]).toEqual([1, '', []])
      const { code, stdout, stderr } = await redswarm(['ban', 'import', path])
      expect([code, await banned()]).toEqual([1, ['192.0.2.1']])
      expect(stdout).toContain('  1 banned, 0 banned before')
      const lines = stderr.split('\n')
      expect(lines[0]).toBe(`redswarm: 25 lines of ${path} cannot be read`)
      expect(lines[1]).toBe('  line 2: neither addresses nor a network: "bad 0"')
      expect(lines.slice(-2)).toEqual(['  … and 5 more', ''])
    }))

  it('leaves this machine and private networks out, unless they are asked for', () =>
    withFile('126.255.255.255-128.0.0.0\n10.1.0.0/16\n::1\n192.0.2.1\n', async (path) => {
      const { stdout } = await redswarm(['ban', 'import', path])
      expect(stdout).toContain('  3 ranges left out or cut: this machine and private networks (--with-private)\n')
      expect(await banned()).toEqual(['126.255.255.255', '128.0.0.0', '192.0.2.1'])
      await redswarm(['ban', 'import', '--with-private', path])
      expect(await banned()).toContain('127.0.0.0/8')
      expect((await redswarm(['ban', 'add', '127.0.0.0/9'])).stderr).toContain(
        '127.0.0.0/9 has addresses of this machine',
      )
    }))

  it('reads what is compressed, and standard input', async () => {
    await withFile(gzipSync('# c\n192.0.2.1\n'), async (path) => {
      expect((await redswarm(['ban', 'import', path])).code).toBe(0)
    })
    const { code, stdout } = await redswarm(
      ['ban', 'import', '-', '--json', '--for', '1d'],
      '1.2.3.4 - 1.2.3.5,200,x\n192.0.2.2',
    )
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      ...{ file: '-', dry_run: false, ranges: 1, networks: 1, added: 1, prolonged: 0, unchanged: 0 },
      ...{ until: expect.any(Number), not_blocked: 1, private_left_out: 0, bad_lines: 0 },
    })
    expect(await banned()).toEqual(['192.0.2.1', '192.0.2.2'])
  })

  it('tells with --dry-run what it would do, and does nothing', () =>
    withFile('192.0.2.1\n192.0.2.3', async (path) => {
      await redswarm(['ban', 'add', '192.0.2.1'])
      const { stdout } = await redswarm(['ban', 'import', '--dry-run', path])
      expect(stdout).toContain('  1 would be banned, 1 banned before; for ever\n')
      expect(await banned()).toEqual(['192.0.2.1'])
    }))

  it('asks whether it is meant where a list bans most of all addresses, in however many lines', async () => {
    const stderrOf = async (list: string) => (await redswarm(['ban', 'import', '--dry-run', '-'], list)).stderr
    expect(await stderrOf('0.0.0.1-127.255.255.255\n128.0.0.0/1\n')).toContain('bans 99 % of the addresses of IPv4: ')
    expect(await stderrOf('::/1\n8000::/1\n')).toContain('bans 100 % of the addresses of IPv6: ')
    // What lists of addresses that are not given out have, and others.
    expect(await stderrOf('128.0.0.0/2\n224.0.0.0/3\n::/3\n4000::/2\n8000::/1\n')).toBe('')
  })

  it('takes a list as long as those that are about', async () => {
    const lines = Array.from(
      { length: 100_000 },
      (_, i) =>
        `org:${1 + (i >> 14)}.${(i >> 6) & 255}.${(i & 63) * 4}.0-${1 + (i >> 14)}.${(i >> 6) & 255}.${(i & 63) * 4}.255`,
    )
    const { code, stdout } = await redswarm(['ban', 'import', '-'], lines.join('\n'))
    expect([code, stdout]).toEqual([0, expect.stringContaining('100,000 ranges, 100,000 networks\n  100,000 banned')])
    expect(await server().redis.hlen('bans')).toBe(100_000)
  }, 60_000)

  it('says what is wrong with a file or a time', async () => {
    expect(await redswarm(['ban', 'import', '/no/such'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot read /no/such'),
    })
    expect(await redswarm(['ban', 'import', '-', '--for', 'long'], '')).toMatchObject({ code: 2 })
  })
})
