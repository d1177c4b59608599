import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CpuProfile } from '../../services/profile/messages.ts'
import type { Summary } from '../../services/profile/profile.ts'
import { withProgram } from '../support/program.ts'

const LOAD = ['--seconds', '3', '--torrents', '2000', '--peers', '4000']
const MS_MAX = 120_000

let base = ''
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
})
afterAll(() => rm(base, { recursive: true, force: true }))

/** Runs `redswarm profile`; its temporary folders are made in a folder of the test's, so that one left behind is seen. */
async function profile(role: string, folder: string, args = LOAD) {
  const scratch = await mkdtemp(join(base, 's'))
  return withProgram(['profile', role, ...args, '--out', folder], { TMPDIR: scratch }, async (program) => {
    const code = await program.ended()
    return { code, stdout: program.stdout(), stderr: program.stderr(), leftBehind: readdirSync(scratch) }
  })
}

const summaryIn = (folder: string): Summary => JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8'))

const hasCallgrind = existsSync('/usr/bin/callgrind_annotate') || existsSync('/usr/local/bin/callgrind_annotate')

describe('a profile of a UDP tracker', () => {
  let folder = ''
  let ended: Awaited<ReturnType<typeof profile>>
  beforeAll(async () => {
    folder = join(base, 'udp')
    ended = await profile('udp', folder)
  }, MS_MAX)

  it('ends by itself, and leaves nothing behind but its folder', () => {
    expect(ended.stderr).not.toContain('redswarm:')
    expect(ended.code).toBe(0)
    expect(ended.leftBehind).toEqual([])
    expect(readdirSync(folder).sort()).toEqual([
      ...['callgrind.out', 'flamegraph.html', 'flamegraph.svg', 'profile.cpuprofile'],
      ...['stages.json', 'stages.txt', 'summary.json'],
    ])
  })

  it('has 95 % of the samples that are not idle in named stages, and those of UDP among them', () => {
    const { stages, responses } = summaryIn(folder)
    expect(responses).toBeGreaterThan(100)
    expect(stages.busy).toBeGreaterThan(100)
    expect(1 - stages.unnamed.share).toBeGreaterThanOrEqual(0.95)
    const names = stages.rows.map(({ stage }) => stage)
    for (const stage of ['receive', 'send', 'batch', 'Redis: write calls', 'Redis: read replies']) {
      expect(names).toContain(stage)
    }
    expect(ended.stdout).toContain('Redis: read replies')
  })

  it("has the store's reply handling under the announce path of the flamegraph", () => {
    type Node = [name: string, place: string, total: number, self: number, children: Node[]]
    const page = readFileSync(join(folder, 'flamegraph.html'), 'utf8')
    const [, , total, , paths] = JSON.parse(/const TREE = (.+)/.exec(page)?.[1] ?? '') as Node
    expect(total).toBe(summaryIn(folder).stages.busy)
    const announce = paths.find(([name]) => name === 'announce (UDP)') as Node
    const below = (node: Node): string[] => [`${node[0]} ${node[1].replace(/:\d+$/, '')}`, ...node[4].flatMap(below)]
    const frames = below(announce)
    expect(frames).toContain("the store's reply is read (request path)")
    expect(frames.some((frame) => frame.includes('npm:ioredis/built/DataHandler.js'))).toBe(true)
    expect(frames).toContain('finish lib/store/batcher.ts')
    expect(frames).toContain('answerAnnounces services/udp/datagram.ts')
  })

  it('has a .cpuprofile whose samples are those of the tables', () => {
    const { nodes } = JSON.parse(readFileSync(join(folder, 'profile.cpuprofile'), 'utf8')) as CpuProfile
    expect(nodes[0]?.callFrame.functionName).toBe('(root)')
    const hits = nodes.reduce((sum, { hitCount = 0 }) => sum + hitCount, 0)
    expect(hits).toBe(summaryIn(folder).stages.samples)
  })

  it.runIf(hasCallgrind)('has a callgrind file that callgrind_annotate opens: its samples, our functions', () => {
    const args = ['--auto=no', '--threshold=100', '--inclusive=no', join(folder, 'callgrind.out')]
    const text = execFileSync('callgrind_annotate', args, { encoding: 'utf8' })
    const numberOf = (line: string) => Number(/^\s*([\d,]+)/.exec(line)?.[1]?.replaceAll(',', ''))
    const lines = text.split('\n')
    const { samples } = summaryIn(folder).stages
    expect(numberOf(lines.find((line) => line.includes('PROGRAM TOTALS')) ?? '')).toBe(samples)
    const own = lines
      .slice(lines.findIndex((line) => line.includes('file:function')) + 2)
      .filter((line) => /^\s*[\d,]+ \(/.test(line))
    expect(own.reduce((sum, line) => sum + numberOf(line), 0)).toBe(samples)
    expect(text).toMatch(/lib\/udp\/linux\/linux-socket\.ts:|lib\/udp\/dgram-socket\.ts:/)
    const tree = execFileSync(
      'callgrind_annotate',
      ['--tree=both', '--inclusive=yes', '--auto=no', '--threshold=100', join(folder, 'callgrind.out')],
      {
        encoding: 'utf8',
      },
    )
    expect(tree).toMatch(/[<>] [^\n]*lib\/[^\n]+ \([\d,]{2,}x\)/)
  })

  it(
    'may take the place of an earlier one, and of nothing else',
    async () => {
      const other = join(base, 'other')
      await mkdir(other)
      await writeFile(join(other, 'thesis.txt'), 'not a profile')
      const refused = await profile('udp', other)
      expect(refused).toMatchObject({ code: 2, leftBehind: [] })
      expect(refused.stderr).toContain('is not empty')
      expect(readdirSync(other)).toEqual(['thesis.txt'])
      expect((await profile('udp', folder, ['--seconds', '1', '--torrents', '100', '--peers', '200'])).code).toBe(0)
      expect(summaryIn(folder).seconds).toBe(1)
    },
    MS_MAX,
  )
})

describe('a profile of', () => {
  it.each([
    ['http', 'announce (HTTP)', 'HTTP: send (node:http)'],
    ['api', 'GET torrent', 'JSON'],
    ['sweeper', 'sweep', 'Redis: write calls'],
  ])(
    '%s names 95 %% too, and ends by itself',
    async (role, path, stage) => {
      const folder = join(base, role)
      const { code, stderr, leftBehind } = await profile(role, folder)
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(leftBehind).toEqual([])
      const { stages, paths, responses } = summaryIn(folder)
      expect(responses).toBeGreaterThan(10)
      expect(1 - stages.unnamed.share).toBeGreaterThanOrEqual(0.95)
      expect(paths.map((each) => each.path)).toContain(path)
      expect(stages.rows.map((each) => each.stage)).toContain(stage)
    },
    MS_MAX,
  )

  it(
    'a role that is interrupted leaves no folder and no process behind',
    async () => {
      const scratch = await mkdtemp(join(base, 's'))
      const args = ['profile', 'udp', '--seconds', '30', ...LOAD.slice(2), '--out', join(base, 'cut')]
      await withProgram(args, { TMPDIR: scratch }, async (program) => {
        await expect.poll(() => program.stderr(), { timeout: 60_000 }).toContain('sampling')
        expect(await program.end('SIGINT')).toBe(130)
        expect(readdirSync(scratch)).toEqual([])
        const running = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
        expect(running).not.toContain(scratch)
      })
    },
    MS_MAX,
  )

  it('seconds out of bounds is refused', async () => {
    const { code, stderr } = await profile('udp', join(base, 'no'), ['--seconds', '0'])
    expect(code).toBe(2)
    expect(stderr).toContain('--seconds must be a whole number from 1 to 600')
  })
})
