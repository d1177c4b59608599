import type { Command, Option } from 'commander'
import { addTo } from '../usage/command.ts'
import type { Shell } from './completion.ts'
import { type CommandNode, type OptionNode, SHELLS } from './tree.ts'

const HELP = `
Examples:
  $ npx redswarm completion bash > ~/.local/share/bash-completion/completions/redswarm
  $ npx redswarm completion zsh > "\${fpath[1]}/_redswarm"
  $ npx redswarm completion fish > ~/.config/fish/completions/redswarm.fish

It completes the word redswarm: with npx, \`alias redswarm='npx redswarm'\` goes with it. Made from the commands of this version.
Exit code: 0 printed, 2 usage. More: docs/command-line.md.
`

/** Adds `redswarm completion`; last, since it completes what was added before. */
export function addCompletionCommand(program: Command): void {
  const command = addTo(program, 'completion', 'print a script that completes commands and options', HELP, async () => {
    const { printCompletion } = await import('./completion.ts')
    return (shell: Shell) => printCompletion(shell, treeOf(program))
  })
  command.addArgument(command.createArgument('<shell>', 'whose script').choices(SHELLS))
}

const HELP_OPTION: OptionNode = {
  names: ['-h', '--help'],
  description: 'display help for command',
  values: undefined,
  isFile: false,
}

/** What of a command can be completed. */
function treeOf(command: Command): CommandNode {
  const help = command.createHelp()
  return {
    name: command.name(),
    description: command.description(),
    commands: help.visibleCommands(command).filter(isOurs).map(treeOf),
    options: [...command.options.map(optionOf), HELP_OPTION],
    choices: command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
    takesFile: command.registeredArguments.some((argument) => argument.name() === 'file'),
  }
}

/** The help command says what --help says. */
const isOurs = (command: Command): boolean => command.name() !== 'help'

const optionOf = ({ short, long, description, argChoices, required, optional, flags }: Option): OptionNode => ({
  names: [short, long].filter((name) => name !== undefined),
  description,
  values: required || optional ? (argChoices ?? []) : undefined,
  isFile: /<(file|folder)>/.test(flags),
})
