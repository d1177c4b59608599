import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { AuditOptions } from './cli/audit.ts'
import { addClientCommands } from './cli/client/command.ts'
import { addAccessCommands } from './cli/command.ts'
import { addCompletionCommand } from './cli/completion/command.ts'
import { addMoveCommands } from './cli/move/command.ts'
import { addOperatorCommands } from './cli/operate/command.ts'
import type { Outside } from './cli/outside.ts'
import { addPlanCommand } from './cli/plan/command.ts'
import { addLoadCommand } from './load/command.ts'
import { addProfileCommand } from './profile/command.ts'
import { ROLES, type Role, SHARED_ROLES } from './roles.ts'
import type { RunOptions } from './run.ts'
import { startProblem } from './start-problem.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

const DESCRIPTIONS: Record<Role, string> = {
  udp: 'run a UDP tracker on the Redis of REDSWARM_REDIS_URL',
  http: 'run an HTTP tracker on it',
  api: 'run the REST API on it',
  sweeper: 'run a sweeper on it: it removes peers that were not heard from',
}

const HELP = `
Examples:
  $ npm start                                             the whole tracker, with a Redis of its own
  $ REDSWARM_REDIS_URL=redis://10.0.0.5:6379 npx redswarm udp
                                                          one more UDP frontend on a shared Redis
  $ npx redswarm udp --processes 4                        four processes on one port
  $ REDSWARM_UDP_LISTEN=0.0.0.0:7000 npx redswarm up      another port
  $ npx redswarm status                                   one screen on a running tracker
  $ npx redswarm top                                      the same, live
  $ npx redswarm doctor                                   what is wrong, and what to do
  $ npx redswarm check udp://127.0.0.1:6969               whether a tracker answers as it should
  $ npx redswarm audit                                    whether all in Redis is as it must be
  $ npx redswarm export backup.jsonl.gz                   all of it into a file, while it runs
  $ npx redswarm keys add                                 a key for a user of a private tracker
  $ npx redswarm ban add 192.0.2.0/24 --for 7d            keep a network out; deny keeps out torrents, clients programs

Settings are REDSWARM_* environment variables or lines of a .env file: docs/configuration.md.
Every command has --help with examples and its exit codes; all of them, with what they print: docs/command-line.md.
`

/** The command line: one process, one role or all. What a command needs is loaded when it runs: a frontend is to serve at once. */
function makeProgram(): Command {
  const program = new Command('redswarm')
    .description('A BitTorrent tracker whose frontends keep no state: swarms live in Redis.')
    .version(version)
    // After a command, -V may begin a peer id.
    .enablePositionalOptions()
    .addHelpText('after', HELP)
    .showHelpAfterError('(redswarm --help shows what there is)')
  program.commandsGroup('Run a tracker:')
  program
    .command('up')
    .description('run the whole tracker; without REDSWARM_REDIS_URL, on a private Redis in the data folder')
    .action(() => run({ roles: ROLES }))
  for (const role of ROLES) {
    const command = program.command(role).description(DESCRIPTIONS[role])
    if (SHARED_ROLES.some((each) => each === role)) {
      command
        .option('--processes <n>', `processes on the same ports, instead of REDSWARM_${role.toUpperCase()}_PROCESSES`)
        .addOption(
          new Option(
            '--process <number>',
            'one of several on the same ports, each started by itself: metrics are at their port plus this',
          )
            .argParser(processNumber)
            .conflicts('processes'),
        )
    }
    command.action(({ processes, process: number }: { processes?: string; process?: string }) =>
      run({
        roles: [role],
        given: processes === undefined ? {} : { [`REDSWARM_${role.toUpperCase()}_PROCESSES`]: processes },
        number,
      }),
    )
  }
  const outside: Outside = { nowMs: Date.now, chance: randomBytes, version }
  program.commandsGroup('Look at it:')
  addOperatorCommands(program, outside)
  addAudit(program)
  program.commandsGroup('Who is served:')
  addAccessCommands(program)
  program.commandsGroup('Back it up, move it:')
  addMoveCommands(program, outside)
  program.commandsGroup('Ask any tracker:')
  addClientCommands(program, outside)
  program.commandsGroup('Plan, measure:')
  addPlanCommand(program)
  addLoadCommand(program)
  addProfileCommand(program)
  program.commandsGroup('More:')
  addCompletionCommand(program)
  // Only now: commands that are added after would take it over.
  return program.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
}

function processNumber(text: string): string {
  if (/^[1-9]\d{0,2}$/.test(text)) return text
  throw new InvalidArgumentError('It must be a number from 1 to 999.')
}

const AUDIT_HELP = `
Works on the Redis of REDSWARM_REDIS_URL, else on the private one of the tracker that runs on the data folder.
Exit code: 0 nothing is wrong, 1 drift was found (repaired or not), 2 it could not run. More: docs/audit.md.
`

function addAudit(program: Command): void {
  program
    .command('audit')
    .description('compare counts, pieces, indexes and totals with the peers stored, while traffic goes on')
    .option('--repair', 'make anew what follows from the peers stored, and delete what nobody can use')
    .option('--json', 'print one JSON object')
    .addHelpText('after', AUDIT_HELP)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .action(async (options: AuditOptions) => {
      const { runAudit } = await import('./cli/audit.ts')
      process.exitCode = await runAudit(options)
    })
}

async function run(options: Omit<RunOptions, 'version'>): Promise<void> {
  const roles = await import('./run.ts')
  await roles.run({ ...options, version })
}

/** Does what the command line says. */
export async function runProgram(): Promise<void> {
  try {
    // `up` is what no word means; as the default command, it would take any word that is none for an argument of its own.
    const words = process.argv.slice(2)
    await makeProgram().parseAsync(words.length === 0 ? ['up'] : words, { from: 'user' })
  } catch (error) {
    process.stderr.write(`redswarm: ${startProblem(error)}\n`)
    process.exit(1)
  }
}
