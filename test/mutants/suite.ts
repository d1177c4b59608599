import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** What became of a suite: it passed, or a test failed, or it took too long, or could not run at all. */
export type Verdict =
  | { passed: true }
  | { passed: false; file?: string; test: string }
  | { passed: false; file?: never; late: true }

/** The part of Vitest's JSON report that is read. */
type Report = {
  testResults: {
    name: string
    status: string
    message: string
    assertionResults: { status: string; fullName: string }[]
  }[]
}

const KILL_AFTER_MS = 5000

/** Runs a suite in a copy of the repository: a project (`unit`) or a test file of one (`unit/batcher`). */
export async function runSuite(folder: string, suite: string, msMax: number): Promise<Verdict> {
  const [project = '', name] = suite.split('/')
  const report = join(folder, 'report.json')
  const child = spawn(
    process.execPath,
    [
      ...['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts', '--project', project],
      ...(name === undefined ? [] : [`test/${suite}.test.ts`]),
      ...['--bail', '1', '--reporter', 'json', '--outputFile', report],
    ],
    // A group of its own, so that what a hanging test started can be ended with it.
    { cwd: folder, stdio: 'ignore', detached: true },
  )
  const ended = once(child, 'exit')
  const isLate = await Promise.race([ended.then(() => false), sleep(msMax, true, { ref: false })])
  if (isLate) await endGroup(child.pid, ended)
  if (isLate) return { passed: false, late: true }
  if (child.exitCode === 0) return { passed: true }
  return existsSync(report) ? readFailure(folder, report) : { passed: false, test: 'it does not start' }
}

function readFailure(folder: string, report: string): Verdict {
  const { testResults }: Report = JSON.parse(readFileSync(report, 'utf8'))
  const fileOf = (name: string): string => name.slice(folder.length + 1)
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find((test) => test.status === 'failed')
    if (failed) return { passed: false, file: fileOf(name), test: failed.fullName }
  }
  // A file that was not begun, since another had failed, has failed too, without a word.
  const broken = testResults.find(({ status, message }) => status === 'failed' && message !== '')
  if (broken) return { passed: false, file: fileOf(broken.name), test: broken.message.split('\n')[0] ?? '' }
  return { passed: false, test: 'an error outside of the tests' }
}

async function endGroup(pid: number | undefined, ended: Promise<unknown>): Promise<void> {
  if (pid === undefined) return
  process.kill(-pid, 'SIGTERM')
  await Promise.race([ended, sleep(KILL_AFTER_MS, undefined, { ref: false })])
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The whole group is gone.
  }
}
