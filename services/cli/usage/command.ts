import type { Command } from 'commander'

/** How a command ends that was called wrongly. */
export const EXIT_USAGE = 2

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
