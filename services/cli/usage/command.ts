import type { Command } from 'commander'

/** How a command ends that was called wrongly. */
export const EXIT_USAGE = 2

/** Which Redis a command works on, for its help. */
export const WHERE = `
Works on the Redis of REDSWARM_REDIS_URL, else on the private one of the tracker that runs on the data folder.
`

/** The option of commands that print a list. */
export const JSON_OPTION = ['--json', 'print a JSON array'] as const

/** Adds a word that has commands of its own. */
export const addGroup = (program: Command, name: string, description: string): Command =>
  program
    .command(name)
    .description(description)
    .helpCommand(false)
    .exitOverride(({ exitCode, code }) =>
      process.exit(exitCode === 0 || code === 'commander.helpDisplayed' ? 0 : EXIT_USAGE),
    )

/** Adds a command; what `find` finds, once it is called for, answers the exit code. A wrong usage ends with 2. */
export const addTo = <Args extends unknown[]>(
  parent: Command,
  usage: string,
  description: string,
  help: string,
  find: () => Promise<(...args: Args) => Promise<number>>,
): Command =>
  parent
    .command(usage)
    .description(description)
    .addHelpText('after', help)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT_USAGE))
    .action(async (...args) => {
      const run = await find()
      process.exitCode = await run(...(args as unknown[] as Args))
    })
