import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROFILE_FILES } from '../../services/profile/folder.ts'
import type { CpuProfile } from '../../services/profile/messages.ts'
import type { Summary } from '../../services/profile/profile.ts'
import { type Program, withProgram } from '../support/program.ts'
import { until } from '../support/redis.ts'
import { processesOf } from './profile-processes.ts'

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

/** A profile that does not end by itself while a test waits. What it leaves behind ends with the test. */
async function interrupted(kind: string, test: (program: Program, scratch: string) => Promise<void>): Promise<void> {
  const scratch = await mkdtemp(join(base, 's'))
  const args = ['profile', kind, '--seconds', '60', ...LOAD.slice(2), '--out', join(base, `cut-${kind}`)]
  try {
    await withProgram(args, { TMPDIR: scratch }, (program) => test(program, scratch))
  } finally {
    for (const { pid } of await processesOf(scratch)) process.kill(pid, 'SIGKILL')
  }
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
    // Each is known as one, so that the next profile in the folder removes it.
    for (const name of readdirSync(folder)) expect(['summary.json', ...PROFILE_FILES]).toContain(name)
  })

  it('has 95 % of the samples that are not idle in named stages, and those of UDP among them', () => {
    const { stages, responses } = summaryIn(folder)
    expect(responses).toBeGreaterThan(100)
    expect(stages.busy).toBeGreaterThan(100)
    expect(1 - stages.unnamed.share).toBeGreaterThanOrEqual(0.95)
    // Names are no merit of what Node does by itself: most is in stages of the tracker's own path.
    expect(stages.own.share).toBeGreaterThan(0.6)
    expect(stages.own.samples).toBeLessThan(stages.busy - stages.unnamed.samples)
    expect(ended.stdout).toMatch(/of them on the tracker's path +[\d,]+ +\d/)
    const names = stages.rows.map(({ stage }) => stage)
    for (const stage of ['receive', 'send', 'batch', 'Redis: write calls', 'Redis: read replies']) {
      expect(names).toContain(stage)
    }
    expect(ended.stdout).toContain('Redis: read replies')
  })

  it('has CPU time of the same seconds as the answers that it is divided by', () => {
    const { measuredS, seconds, cpuUsPerResponse, responses, mainThread } = summaryIn(folder)
    expect(measuredS).toBeGreaterThan(seconds - 0.05)
    expect(measuredS).toBeLessThan(seconds + 2)
    const usedUs = cpuUsPerResponse.mainThread * responses
    expect(usedUs / 1e6 / measuredS).toBeCloseTo(mainThread.cpuShare, 5)
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
    expect(frames.some((frame) => frame.includes('lib/store/resp.ts'))).toBe(true)
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
      await mkdir(other, { recursive: true })
      await writeFile(join(other, 'thesis.txt'), 'not a profile')
      const refused = await profile('udp', other)
      expect(refused).toMatchObject({ code: 2, leftBehind: [] })
      expect(refused.stderr).toContain('is not empty')
      expect(readdirSync(other)).toEqual(['thesis.txt'])
      const { code, stderr } = await profile('udp', folder, ['--seconds', '2', '--torrents', '100', '--peers', '200'])
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(summaryIn(folder).seconds).toBe(2)
    },
    MS_MAX,
  )
})

describe('a profile of', () => {
  it.each([
    ['http', 'announce (HTTP)', 'HTTP: send (node:http)', LOAD],
    ['api', 'GET torrents', 'walk the torrents', LOAD],
    // Fewer peers than are written at once.
    ['sweeper', 'sweep', 'Redis: write calls', [...LOAD.slice(0, -1), '1500']],
  ])(
    '%s names 95 %% too, and ends by itself',
    async (role, path, stage, args) => {
      const folder = join(base, role)
      const { code, stderr, leftBehind } = await profile(role, folder, args)
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

  it.each([
    { kind: 'udp', at: 'sampling', signals: ['SIGINT'] },
    // One Ctrl-C comes twice where npm hands it on as well.
    { kind: 'udp', at: 'filling', signals: ['SIGINT', 'SIGINT', 'SIGINT'] },
    { kind: 'redis', at: 'measuring', signals: ['SIGINT', 'SIGINT'] },
    { kind: 'redis', at: 'measuring', signals: ['SIGHUP'] },
  ] as const)(
    '$kind that is interrupted at $at by $signals leaves no folder and no process behind, and is silent',
    async ({ kind, at, signals }) => {
      await interrupted(kind, async (program, scratch) => {
        await until(at, () => program.stderr().includes(at), 60_000)
        await until('its Redis and its role', async () => (await processesOf(scratch)).length === 2, 20_000)
        for (const signal of signals) {
          program.process.kill(signal)
          await sleep(20)
        }
        expect(await program.ended()).toBe(130)
        expect(program.stderr()).not.toContain('redswarm:')
        expect(readdirSync(scratch)).toEqual([])
        await until('its processes to be gone', async () => (await processesOf(scratch)).length === 0, 10_000)
      })
    },
    MS_MAX,
  )

  it.each(['udp', 'redis'])(
    '%s that is killed takes its role along',
    async (kind) => {
      await interrupted(kind, async (program, scratch) => {
        const isRole = ({ command }: { command: string }) => command.includes('main.ts udp')
        await until('its role', async () => (await processesOf(scratch)).some(isRole), 20_000)
        await program.end('SIGKILL')
        await until('the role to end', async () => !(await processesOf(scratch)).some(isRole), 10_000)
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
