import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** A command of a page, and what the page says that it writes. */
export type Example = { command: string; answer: string }

/** The examples in a page's `console` blocks: a line that begins with `$`, and what it writes below it. */
export const examplesOf = (page: string): Example[] =>
  [...page.matchAll(/^```console\n\$ (.*?)^```$/gms)].flatMap(([, block = '']) =>
    block.split(/^\$ /m).map((example) => {
      const [command = '', ...lines] = example.split('\n')
      return { command, answer: lines.join('\n').trimEnd() }
    }),
  )

/** What a terminal shows of a command that a shell runs. */
export async function runInShell(command: string): Promise<string> {
  const child = spawn('sh', ['-c', `exec 2>&1\n${command}`], { env: { ...process.env, LC_ALL: 'C' } })
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
  return output.replaceAll('\r', '').trimEnd()
}
