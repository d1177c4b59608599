import { type Command, Option } from 'commander'
import { addTo } from '../usage/command.ts'

const HELP = `
Examples:
  $ npx redswarm plan --peers 100e6
  $ npx redswarm plan --peers 5e6 --torrents 200000 --interval 900 --share-http 0.2 --ipv6 0.2
  $ npx redswarm plan --peers 1e6 --details false --json | jq .plan.redis

Announces a second, cores, memory, disk and network of Redis and of frontends, by figures that were measured on one machine and
assumptions; each is printed with where it is from. It asks no Redis.
Exit code: 0 printed, 2 usage. More: docs/scaling.md.
`

/** Adds `redswarm plan`. */
export function addPlanCommand(program: Command): void {
  addTo(program, 'plan', 'what a tracker of some size takes: cores, memory, disk, network', HELP, async () => {
    const { printPlan } = await import('./print.ts')
    return printPlan
  })
    .requiredOption('--peers <n>', 'peers at once, such as 100e6')
    .option('--torrents <n>', 'else a quarter of the peers')
    .option('--interval <seconds>', 'between two announces of a peer', '1800')
    .option('--share-http <share>', 'of the announces, 0 to 1', '0')
    .option('--ipv6 <share>', 'of the peers, 0 to 1', '0')
    .addOption(
      new Option('--details <kept>', 'what peers tell of themselves').choices(['true', 'false']).default('true'),
    )
    .option('--json', 'print one JSON object')
}
