import { type Command, Option } from 'commander'
import { NUMBERS, optionName, type RawLoadOptions } from './options.ts'
import type { Protocol } from './target.ts'

const DEFAULT_WEIGHTS = '50:50:1'
const DEFAULT_SEEDERS = '0.75'

const EXAMPLES: Record<Protocol, string> = {
  udp: `
Examples:
  $ npx redswarm load udp udp://127.0.0.1:6969                          ten seconds, closed loop
  $ npx redswarm load udp udp://127.0.0.1:6969 --rate 5000 --seconds 60 open loop: latencies at 5,000 requests/s
  $ npx redswarm load udp udp://127.0.0.1:6969 --pid tracker=$(pgrep -nf 'redswarm(.mjs)? (udp|up)$') --pid Redis=$(pgrep -n redis-server)
                                                                    with the CPU that each uses per response
`,
  http: `
Examples:
  $ npx redswarm load http http://127.0.0.1:7070/announce
  $ npx redswarm load http http://127.0.0.1:7070/announce --rate 2000   open loop: latencies at 2,000 requests/s
  $ npx redswarm load http http://127.0.0.1:7070/announce --weights 0:1:0 --outstanding 64 --json
`,
}

const HELP = `
Every answer is checked while the load runs. Only this machine is loaded, or, with --remote, your own network.
Exit code: 0 answers came to the end and none was wrong, 1 none came, they stopped, or some were wrong, 2 usage. More: docs/benchmarking.md.
`

/** Adds `redswarm load`. */
export function addLoadCommand(program: Command): void {
  const load = program.command('load').description('load a tracker and measure it: udp or http').helpCommand(false)
  addProtocol(load, 'udp', 'load a UDP tracker (BEP 15), such as udp://127.0.0.1:6969')
  addProtocol(load, 'http', 'load an HTTP tracker (BEP 3), such as http://127.0.0.1:7070/announce')
  load.exitOverride(({ exitCode, code }) => process.exit(exitCode === 0 || code === 'commander.helpDisplayed' ? 0 : 2))
}

function addProtocol(load: Command, protocol: Protocol, description: string): void {
  const command = load.command(protocol).description(description).argument('<url>', 'where the tracker is')
  for (const [name, { min, max, default: fallback, says }] of Object.entries(NUMBERS)) {
    const shown = `${optionName(name)} <n>`
    command.addOption(new Option(shown, `${says} (${min} to ${max})`).default(String(fallback)))
  }
  command
    .option('--seeders <share>', 'share of peers that are seeders, 0 to 1', DEFAULT_SEEDERS)
    .option('--weights <c:a:s>', 'how often connect, announce and scrape', DEFAULT_WEIGHTS)
    .option('--rate <n>', 'open loop: so many requests a second, whatever the tracker does')
    .option('--no-fill', 'do not announce every peer once before')
    .option('--pid <name=pid>', 'a process whose CPU per response is told (again for more)', collect)
    .option('--remote', 'allow a tracker of your own that is not on this machine')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES[protocol] + HELP)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .action(async (url: string, options: RawLoadOptions) => {
      const { runLoad } = await import('./run.ts')
      process.exitCode = await runLoad(protocol, url, options)
    })
}

const collect = (value: string, before: string[] = []): string[] => [...before, value]
