import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify, stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { runCli } from '../support/cli.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { announceOf, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const ESC = '\x1b'
const [ENTER, LEAVE] = [`${ESC}[?1049h${ESC}[?25l`, `${ESC}[?25h${ESC}[?1049l`]
const MAIN = 'services/main.ts'

/** Adds to what is counted as announces over UDP. */
const count = (many: number) => server().redis.hincrby('stats', 'udp4_announces', many)

/**
 * Runs a command on a terminal of its own, 60 columns by 14 rows, by python's `pty`; what comes on standard input is
 * typed, `resize` changes the size to 40 by 6, `unsize` to none, `signal` sends SIGTERM. Ends with 99 where the terminal is not as it was.
 */
const TERMINAL = `
import fcntl, os, pty, select, signal, struct, sys, termios
size = lambda rows, columns: fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
waits, go = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    os.read(waits, 1)
    os.execvp(sys.argv[1], sys.argv[1:])
size(14, 60)
modes = termios.tcgetattr(fd)
os.write(go, b'.')
while True:
    ready, _, _ = select.select([fd, 0], [], [])
    if 0 in ready:
        word = os.read(0, 100)
        if word.startswith(b'resize'): size(6, 40)
        elif word.startswith(b'unsize'): size(0, 0)
        elif word.startswith(b'signal'): os.kill(pid, signal.SIGTERM)
        else: os.write(fd, word[:1])
    if fd in ready:
        try: os.write(1, os.read(fd, 65536))
        except OSError: break
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if termios.tcgetattr(fd) == modes else 99)
`

async function onTerminal(
  args: string[],
  test: (terminal: { shown: () => string; send: (word: string) => void }) => Promise<void>,
): Promise<{ code: number | null; shown: string }> {
  const child = spawn('python3', ['-c', TERMINAL, process.execPath, MAIN, ...args], {
    env: { PATH: process.env.PATH, TERM: 'xterm', REDSWARM_REDIS_URL: server().url },
  })
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
  })
  const ended = once(child, 'close')
  try {
    await test({ shown: () => shown, send: (word) => void child.stdin.write(word) })
    const [code] = (await ended) as [number | null]
    return { code, shown }
  } finally {
    child.kill('SIGKILL')
  }
}

/** The lines of each frame, without what moves the cursor. */
const framesOf = (shown: string): string[][] =>
  shown
    .split(`${ESC}[H`)
    .slice(1)
    .map((frame) => frame.split(/\r+\n/).map((line) => stripVTControlCharacters(line)))

const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0

describe.runIf(hasPython)('redswarm top on a terminal', () => {
  it.each(['q', '\x03', 'signal'])(
    'redraws in place, fits the size, and gives the terminal back by %j',
    async (end) => {
      await storeOn(server().redis).announce([announceOf({ isSeeder: true })])
      const { code, shown } = await onTerminal(['top', '--interval', '0.2'], async (terminal) => {
        await until('two frames', () => framesOf(terminal.shown()).length >= 2)
        terminal.send('resize')
        await until('a smaller frame', () => framesOf(terminal.shown()).some((frame) => frame.length <= 6))
        terminal.send(end)
      })
      expect(code).toBe(0)
      expect(shown.startsWith(ENTER)).toBe(true)
      expect(shown.endsWith(LEAVE)).toBe(true)
      const frames = framesOf(shown.slice(0, -LEAVE.length))
      expect(frames[0]?.some((line) => line === '  torrents 1, seeders 1, leechers 0, completed 0')).toBe(true)
      for (const frame of frames) {
        expect(frame.length).toBeLessThanOrEqual(14)
        for (const line of frame) expect(line.length).toBeLessThan(60)
      }
      for (const line of frames.at(-1) ?? []) expect(line.length).toBeLessThan(40)
    },
  )

  it('takes a terminal without a size for one of 80 columns', async () => {
    const { code } = await onTerminal(['top', '--interval', '0.2'], async (terminal) => {
      await until('a frame', () => framesOf(terminal.shown()).length > 0)
      terminal.send('unsize')
      await until('a broad frame', () => framesOf(terminal.shown()).some(([title = '']) => title.length > 60))
      terminal.send('q')
    })
    expect(code).toBe(0)
  })

  it('ends at once where Redis hangs', async () => {
    let typedMs = 0
    try {
      const { code } = await onTerminal(['top', '--interval', '0.2'], async (terminal) => {
        await until('a frame', () => framesOf(terminal.shown()).length > 0)
        server().process.kill('SIGSTOP')
        await sleep(250)
        typedMs = performance.now()
        terminal.send('q')
      })
      expect(code).toBe(0)
      expect(performance.now() - typedMs).toBeLessThan(1400)
    } finally {
      server().process.kill('SIGCONT')
    }
  })
})

describe.runIf(hasPython)('redswarm doctor on a terminal', () => {
  it('folds what is longer than the terminal is broad', async () => {
    const { shown } = await onTerminal(['doctor'], async () => {})
    const lines = stripVTControlCharacters(shown).split(/\r*\n/)
    const about = lines.findIndex((line) => /^ {2}note +audit +there was no audit yet$/.test(line))
    expect(about).toBeGreaterThan(0)
    expect(lines.filter((line) => line.length > 60 && !line.startsWith('  Diagnosis'))).toEqual([])
    expect(lines[about + 1]).toMatch(/^ {20,}run `redswarm audit`$/)
  })
})

describe('redswarm top where there is no terminal', () => {
  /** Runs it until a line fits; answers all lines. */
  async function untilLine(
    url: string,
    fits: (line: string) => boolean,
    onStart: () => void = () => {},
  ): Promise<string[]> {
    const child = spawn(process.execPath, [MAIN, 'top', '--interval', '0.2', '--json'], {
      env: { PATH: process.env.PATH, REDSWARM_REDIS_URL: url },
    })
    const lines: string[] = []
    try {
      for await (const line of createInterface(child.stdout)) {
        if (lines.push(line) === 1) onStart()
        if (fits(line)) break
      }
      const ended = once(child, 'close')
      child.kill('SIGTERM')
      expect((await ended)[0]).toBe(0)
      return lines
    } finally {
      child.kill('SIGKILL')
    }
  }

  it('tells rates, a JSON object a line, and ends by a signal', async () => {
    const timer = setInterval(() => void count(10).catch(() => {}), 50)
    try {
      const lines = await untilLine(server().url, (line) => (JSON.parse(line).rates?.udp_announces_per_s ?? 0) > 0)
      const last = JSON.parse(lines.at(-1) ?? '')
      expect(last.rates.udp_announces_per_s).toBeLessThan(1000)
      expect(JSON.parse(lines[0] ?? '').rates).toBeNull()
    } finally {
      clearInterval(timer)
    }
  })

  it('shows that Redis is away, and goes on once it is back', async () => {
    const own = await startRedis()
    try {
      let wasAway = false
      const lines = await untilLine(
        own.url,
        (line) => {
          const { away } = JSON.parse(line)
          if (away !== null && !wasAway) own.process.kill('SIGCONT')
          wasAway ||= away !== null
          return wasAway && away === null
        },
        () => own.process.kill('SIGSTOP'),
      )
      const { away } = JSON.parse(lines.find((line) => JSON.parse(line).away !== null) ?? '')
      expect(away).toMatch(/timed out|lost/i)
    } finally {
      own.process.kill('SIGCONT')
      await own.stop()
    }
  })

  it('ends once nobody reads it', async () => {
    const command = `'${process.execPath}' ${MAIN} top --interval 0.2 | head -n 2`
    const env = { PATH: process.env.PATH, REDSWARM_REDIS_URL: server().url }
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { env, timeout: 10_000 })
    expect(stdout).toMatch(/^[^\n]* torrents 0, peers 0, processes 0\n[^\n]* UDP connects 0, [^\n]*\n$/)
  })

  it('prints one frame with --once', async () => {
    await storeOn(server().redis).announce([announceOf({ infoHash: hashOf('b') })])
    const { code, stdout } = await runCli(['top', '--once'], { REDSWARM_REDIS_URL: server().url })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^[\x20-\x7e\n]*$/)
    expect(stdout).toContain('  torrents 1, seeders 0, leechers 1, completed 0\n')
    expect(stdout).toContain('  a second  connects  announces  scrapes\n  UDP              0          0        0')
  })
})
