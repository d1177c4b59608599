import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** How a command ended, and what it wrote. */
export type Ended = { code: number | null; stdout: string; stderr: string }

const PROGRAM = new URL('../../services/main.ts', import.meta.url).pathname

/** Runs a command of `redswarm`, or of another program, to its end, with this on its standard input, in a folder. */
export async function runCli(
  args: string[],
  env: Record<string, string> = {},
  input = '',
  cwd = '.',
  program = PROGRAM,
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { PATH: process.env.PATH, ...env } })
  // A command that does not read to its end closes its side.
  child.stdin.on('error', () => {}).end(input)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: code as number | null, stdout, stderr }
}
