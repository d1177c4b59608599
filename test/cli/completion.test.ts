import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { runCli } from '../support/cli.ts'

const scriptOf = async (shell: string): Promise<string> => {
  const { code, stdout } = await runCli(['completion', shell])
  expect(code).toBe(0)
  return stdout
}

/** What bash would offer for the last word of each line. */
async function offered(lines: string[][]): Promise<string[][]> {
  const ask = `ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _redswarm; echo "\${COMPREPLY[*]}"; }`
  const calls = lines.map((words) => `ask redswarm ${words.map((word) => `'${word}'`).join(' ')}`)
  const script = [await scriptOf('bash'), ask, ...calls].join('\n')
  const { stdout } = await promisify(execFile)('bash', ['-c', script])
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '))
}

/** The commands that the help names. */
async function commandsOfHelp(): Promise<string[]> {
  const { stdout } = await runCli(['--help'])
  return [...stdout.matchAll(/^ {2}([a-z]+)(?: .*?)? {2,}\S/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help')
}

describe('redswarm completion', () => {
  it('offers in bash every command that the help names', async () => {
    const [commands] = await offered([['']])
    expect(commands?.toSorted()).toEqual((await commandsOfHelp()).sort())
    expect(commands).toContain('status')
  })

  it('offers in bash subcommands, options and their values', async () => {
    expect(
      await offered([
        ['sta'],
        ['keys', ''],
        ['keys', 'add', '--'],
        ['torrents', '--by', ''],
        ['announce', '--event', 'st'],
        ['completion', ''],
      ]),
    ).toEqual([
      ['status'],
      ['add', 'remove', 'list'],
      ['--valid', '--help'],
      ['seeders', 'leechers', 'completed'],
      ['started', 'stopped'],
      ['bash', 'zsh', 'fish'],
    ])
  })

  it('leaves files to bash where a file is asked for', async () => {
    expect(await offered([['import', 'torrust', '']])).toEqual([['']])
  })

  it('is printed for zsh and fish, with every command', async () => {
    const [zsh, fish] = await Promise.all([scriptOf('zsh'), scriptOf('fish')])
    for (const command of await commandsOfHelp()) {
      expect(zsh).toContain(`" ${command}") place="${command}" ;;`)
      expect(fish).toContain(`case ' ${command}'\n`)
    }
    expect(zsh.startsWith('#compdef redswarm\n')).toBe(true)
  })

  it('ends with 2 for another shell', async () => {
    const { code, stderr } = await runCli(['completion', 'tcsh'])
    expect(code).toBe(2)
    expect(stderr).toContain('Allowed choices are bash, zsh, fish')
  })
})
