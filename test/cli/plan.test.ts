import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runCli } from '../support/cli.ts'

const DOC = join(import.meta.dirname, '../../docs/scaling.md')

describe('redswarm plan', () => {
  it('prints what docs/scaling.md has of it', async () => {
    const blocks = [
      ...(await readFile(DOC, 'utf8')).matchAll(
        /```console\n\$ npx redswarm plan ([^|\n]+?)(?: \| head -n (\d+))?\n([^`]+)```/g,
      ),
    ]
    expect(blocks.map(([, args]) => args)).toEqual([
      ...['--peers 1e6', '--peers 10e6', '--peers 100e6', '--peers 100e6 --interval 900 --share-http 0.2 --ipv6 0.2'],
    ])
    for (const [, args = '', lines, text] of blocks) {
      const { code, stdout, stderr } = await runCli(['plan', ...args.split(' ')])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(
        `${stdout
          .split('\n')
          .slice(0, Number(lines ?? Number.POSITIVE_INFINITY))
          .join('\n')
          .trimEnd()}\n`,
      ).toBe(text)
    }
  })

  it('prints the same as one object, with its figures and where each is from', async () => {
    const { code, stdout } = await runCli([
      'plan',
      '--peers',
      '2.5e6',
      '--torrents',
      '1000',
      '--details',
      'false',
      '--json',
    ])
    expect(code).toBe(0)
    const { input, plan, figures } = JSON.parse(stdout)
    expect(input).toEqual({ peers: 2.5e6, torrents: 1000, intervalS: 1800, shareHttp: 0, ipv6: 0, details: false })
    expect(plan.announcesPerS).toBeCloseTo(1527.8, 0)
    expect(plan.redis.masters).toBe(1)
    for (const { source, what, value } of Object.values<Record<string, unknown>>(figures)) {
      expect(value).toBeGreaterThan(0)
      expect([source, what].every((text) => typeof text === 'string' && text !== '')).toBe(true)
    }
  })

  it.each([
    [['plan'], '--peers'],
    [
      ['plan', '--peers', 'many'],
      '--peers must be a whole number, 1 to 10,000,000,000, such as 1800 or 100e6, not "many"',
    ],
    [['plan', '--peers', '0.5'], '--peers must be'],
    [['plan', '--peers', '1e6', '--interval', '1'], '--interval must be a whole number, 10 to 86,400'],
    [['plan', '--peers', '1e6', '--share-http', '20'], '--share-http must be a share, 0 to 1, not "20"'],
    [['plan', '--peers', '1e6', '--ipv6', 'half'], '--ipv6 must be a share'],
    [['plan', '--peers', '1e6', '--details', 'some'], 'Allowed choices are true, false'],
  ])('ends with 2 where it is called wrongly: %j', async (args, problem) => {
    const { code, stdout, stderr } = await runCli(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(problem)
  })
})
