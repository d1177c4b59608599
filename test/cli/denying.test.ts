import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/at-exit.ts'
import { type Ended, runCli } from '../support/cli.ts'
import { useRedis } from '../support/redis.ts'

const server = useRedis()
const redswarm = (args: string[], input?: string): Promise<Ended> =>
  runCli(args, { REDSWARM_REDIS_URL: server().url }, input)
const done = (stdout: string, stderr = ''): Ended => ({ code: 0, stdout, stderr })
const [A, B] = ['a'.repeat(40), 'b'.repeat(40)]

describe('redswarm deny', () => {
  it('denies torrents, once, for ever or for a time, and serves them again', async () => {
    expect(await redswarm(['deny', 'add', A.toUpperCase()])).toEqual(done('  1 denied, 0 denied before; for ever\n'))
    const again = await redswarm(['deny', 'add', A, B, '--for', '30d'])
    expect(again).toEqual(done(expect.stringMatching(/^ {2}1 denied, 1 denied before; until \d{4}-/)))
    expect(await redswarm(['deny', 'remove', A, 'c'.repeat(40)])).toEqual({
      ...done('  1 no longer denied, 1 not denied before\n'),
      code: 1,
    })
    expect(await server().redis.hkeys('denied')).toEqual([B])
  })

  it('prints what is denied, in order, as JSON and as lines that can be imported', async () => {
    expect((await redswarm(['deny', 'list'])).stdout).toBe('')
    expect((await redswarm(['deny', 'list', '--json'])).stdout).toBe('[]\n')
    await server().redis.hset('denied', B, '2000000000', A, '0')
    const { stdout } = await redswarm(['deny', 'list'])
    expect(stdout).toBe(`${A}  # for ever\n${B}  # until 2033-05-18 03:33 UTC\n`)
    expect(JSON.parse((await redswarm(['deny', 'list', '--json'])).stdout)).toEqual([
      { info_hash: A, until: null },
      { info_hash: B, until: 2_000_000_000 },
    ])
    await server().redis.flushall()
    expect(await redswarm(['deny', 'import', '-'], stdout)).toEqual(done('  2 denied, 0 denied before; for ever\n'))
  })

  it('imports a file as a whole or not at all, unless bad lines are to be left out', async () => {
    const { path: folder, remove } = await temporaryFolder('deny')
    const path = join(folder, 'list')
    await writeFile(path, `${A}\nbad\n`)
    try {
      const { code, stderr } = await redswarm(['deny', 'import', path])
      expect([code, stderr]).toEqual([1, expect.stringContaining('line 2: "bad"')])
      expect(await server().redis.exists('denied')).toBe(0)
      expect(await redswarm(['deny', 'import', '--skip-bad', path])).toMatchObject({
        ...{ code: 0, stdout: '  1 denied, 0 denied before; for ever\n' },
      })
    } finally {
      await remove()
    }
  })

  it('says what is no info hash, and denies nothing then', async () => {
    const { code, stderr } = await redswarm(['deny', 'add', A, 'nothing'])
    expect([code, stderr]).toEqual([2, 'redswarm: an info hash must be 40 hex digits, not "nothing"\n'])
    expect(await server().redis.exists('denied')).toBe(0)
  })
})

describe('redswarm clients', () => {
  it('takes what peer ids begin with, a minus before it and all', async () => {
    expect(await redswarm(['clients', 'list'])).toEqual(done('  all clients are served\n'))
    // -V is an option of redswarm's, -h of every command's.
    expect(await redswarm(['clients', 'deny', '-XL0012-', '-VZ', '-h0', '\\x00'])).toEqual(
      done('  4 denied, 0 denied before\n'),
    )
    expect((await redswarm(['clients', 'list'])).stdout).toMatch(
      / {2}-XL0012- {2}deny\n {2}-h0 {7}deny\n {2}all others are served\n$/,
    )
    expect(await redswarm(['clients', 'allow', '-XL0012-', '-qB'])).toEqual(done('  2 allowed, 0 allowed before\n'))
    expect((await redswarm(['clients', 'list'])).stdout).toContain('  all others are refused, since some are allowed\n')
    expect(JSON.parse((await redswarm(['clients', 'list', '--json'])).stdout)).toEqual([
      ...[
        { prefix: '\\x00', rule: 'deny' },
        { prefix: '-VZ', rule: 'deny' },
        { prefix: '-XL0012-', rule: 'allow' },
      ],
      ...[
        { prefix: '-h0', rule: 'deny' },
        { prefix: '-qB', rule: 'allow' },
      ],
    ])
    expect(await redswarm(['clients', 'remove', '-VZ', '-TR'])).toEqual({
      ...{ code: 1, stdout: '  1 taken off the list\n', stderr: 'redswarm: "-TR" is not on the list\n' },
    })
  })

  it('says what is no beginning of a peer id: a misspelled option, or one that is too long', async () => {
    for (const text of ['--jsn', 'x'.repeat(21), '']) {
      const { code, stderr } = await redswarm(['clients', 'deny', text])
      expect([code, stderr]).toEqual([2, expect.stringContaining('a client is what its peer id begins with')])
    }
    expect(await server().redis.exists('clients')).toBe(0)
  })
})
