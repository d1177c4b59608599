/** Shells that there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** What can be completed: a command with its subcommands and options. */
export type CommandNode = {
  name: string
  description: string
  commands: CommandNode[]
  options: OptionNode[]
  /** Words that an argument of it is one of. */
  choices: string[]
  takesFile: boolean
}

/** An option; `values` are those that it takes, and undefined where it takes none. */
export type OptionNode = { names: string[]; description: string; values: string[] | undefined; isFile: boolean }

/** A command with the words that lead to it from the program, itself left out. */
export type Placed = { path: string[]; node: CommandNode }

/** All commands below the program, the program first. */
export function commandsOf(node: CommandNode, path: string[] = []): Placed[] {
  return [{ path, node }, ...node.commands.flatMap((each) => commandsOf(each, [...path, each.name]))]
}

/** All names of the options of a command. */
export const optionWords = ({ options }: CommandNode): string[] => options.flatMap(({ names }) => names)

/** The words that are no options which may follow a command. */
export const plainWords = ({ commands, choices }: CommandNode): string[] => [
  ...commands.map(({ name }) => name),
  ...choices,
]

/** A path as the scripts have it; that of the program is empty. */
export const pathText = (path: readonly string[]): string => path.join(' ')

/** How a script finds the command that a line has come to: from a path and a word to the path with that word. */
export const stepsOf = (placed: readonly Placed[]): { from: string; to: string }[] =>
  placed
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => ({ from: `${pathText(path.slice(0, -1))} ${path.at(-1)}`, to: pathText(path) }))
