import { type Command, Option } from 'commander'
import type { Outside } from '../outside.ts'
import { addTo } from '../usage/command.ts'

const WHERE = `
Works on the Redis of REDSWARM_REDIS_URL, else on the private one of the tracker that runs on the data folder; it only reads.
`

const STATUS_HELP = `
Examples:
  $ npx redswarm status                     what is wrong, processes, torrents and peers, rates over 2 s, Redis
  $ npx redswarm status --json | jq .totals
${WHERE}
Of a Cluster with a master that is away, it tells what the others know.
Exit code: 0 printed, whatever is wrong (redswarm doctor has a code for that), 2 usage, or Redis away. More: docs/command-line.md.
`

const TORRENTS_HELP = `
Examples:
  $ npx redswarm torrents --limit 100       in the order of their info hashes
  $ npx redswarm torrents --after 443c7602b4fde83d1154d6d9da48808418b181b6
  $ npx redswarm torrents --by seeders      the best 20, as a sweeper ranked them within 5 minutes
${WHERE}
Exit code: 0 printed, 2 usage, or Redis away. More: docs/command-line.md.
`

const SWARM_HELP = `
Examples:
  $ npx redswarm swarm 443c7602b4fde83d1154d6d9da48808418b181b6
  $ npx redswarm swarm 443c7602b4fde83d1154d6d9da48808418b181b6 --limit 1000 --json
${WHERE}
Exit code: 0 printed, 1 there is no such torrent, 2 usage, or Redis away. More: docs/command-line.md.
`

const DOCTOR_HELP = `
Examples:
  $ npx redswarm doctor
  $ npx redswarm doctor --json | jq '.findings[] | select(.severity == "critical")'
${WHERE}
Looks at Redis (version, memory, eviction, persistence, replication, latency, clock, slow log), at the processes of the tracker
(silent ones, versions, sweeps, last audit), at the settings of this shell, and at this machine. Run it where Redis runs, too.
Exit code: 0 fine, 1 something is wrong (a warning, or worse), 2 usage, or most could not be looked at. More: docs/command-line.md.
`

const TOP_HELP = `
Examples:
  $ npx redswarm top                        live, until q or Ctrl-C
  $ npx redswarm top --once                 one frame, of 2 s
  $ npx redswarm top --interval 10 >> top.log   a line every 10 s where it is no terminal
${WHERE}
Rates are of the last 5 s. While Redis is away that is shown, and it goes on once it is back. A frame takes Redis some 20 µs;
totals, a millisecond and more, are read every 10 s, rankings every 5 s.
Exit code: 0 ended by q or a signal, 2 usage, or Redis away at the start. More: docs/command-line.md.
`

const RANKED = ['seeders', 'leechers', 'completed']

/** Adds the commands that look at a running tracker: `redswarm status`, `torrents`, `swarm`, `doctor` and `top`. */
export function addOperatorCommands(program: Command, outside: Outside): void {
  addTo(
    program,
    'status',
    'one screen on a tracker: what is wrong, processes, counts, rates, Redis',
    STATUS_HELP,
    async () => {
      const { printStatus } = await import('./status.ts')
      return printStatus.bind(undefined, outside)
    },
  ).option('--json', 'print one JSON object')
  addTo(
    program,
    'torrents',
    'list torrents with their counts, by info hash or the best',
    TORRENTS_HELP,
    async () => (await import('./torrents.ts')).printTorrents,
  )
    .addOption(new Option('--by <count>', 'the best by a count').choices(RANKED))
    .option('--limit <n>', 'how many (1 to 10,000)', '20')
    .option('--after <hash>', 'those that come after this one, by info hash')
    .option('--json', 'print one JSON object')
  addTo(
    program,
    'swarm <hash>',
    'the counts and peers of a torrent',
    SWARM_HELP,
    async () => (await import('./swarm.ts')).printSwarm,
  )
    .option('--limit <n>', 'peers (0 to 100,000)', '50')
    .option('--json', 'print one JSON object')
  addTo(
    program,
    'doctor',
    'find what is wrong with Redis, the tracker and this machine, and say what to do',
    DOCTOR_HELP,
    async () => {
      const { runDoctor } = await import('../doctor/run.ts')
      return runDoctor.bind(undefined, outside)
    },
  ).option('--json', 'print one JSON object')
  addTo(
    program,
    'top',
    'live: rates, busiest processes, biggest swarms',
    TOP_HELP,
    async () => (await import('../top/top.ts')).runTop,
  )
    .option('--interval <seconds>', 'how often (0.2 to 60)', '1')
    .option('--once', 'print one frame and end')
    .option('--json', 'print a JSON object a line')
}
