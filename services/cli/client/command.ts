import { type Command, Option } from 'commander'
import type { Outside } from '../outside.ts'
import { addTo } from '../usage/command.ts'

const EXIT_CODES = `
Nothing that a tracker wrote reaches the terminal but as ASCII; redirects are told, not followed.
Exit code: 0 the tracker answered, 1 it refused, gave no answer, or a wrong one, 2 usage. More: docs/command-line.md.
`

const ANNOUNCE_HELP = `
Examples:
  $ npx redswarm announce udp://127.0.0.1:6969 443c7602b4fde83d1154d6d9da48808418b181b6 --event started
  $ npx redswarm announce http://127.0.0.1:7070/announce 443c7602b4fde83d1154d6d9da48808418b181b6 --left 0 --no-compact
  $ npx redswarm announce udp://127.0.0.1:6969 443c7602b4fde83d1154d6d9da48808418b181b6 --event stopped

The tracker takes this machine for a peer, at --port, until it is told --event stopped or hears nothing for long.
${EXIT_CODES}`

const SCRAPE_HELP = `
Examples:
  $ npx redswarm scrape udp://127.0.0.1:6969 443c7602b4fde83d1154d6d9da48808418b181b6
  $ npx redswarm scrape http://127.0.0.1:7070/announce 443c7602b4fde83d1154d6d9da48808418b181b6 --json
${EXIT_CODES}`

const CHECK_HELP = `
Examples:
  $ npx redswarm check udp://127.0.0.1:6969 http://127.0.0.1:7070/announce http://127.0.0.1:1313/health_check
  $ npx redswarm check --timeout 2 --json udp://tracker.example:6969
  $ npx redswarm check --hash 443c7602b4fde83d1154d6d9da48808418b181b6 http://127.0.0.1:7070/announce

A tracker is asked for an announce and a scrape, UDP for a connect before; any other HTTP URL is a health check's. What is
announced is a peer that was never there and stops, of a torrent that nobody has: nothing stays of it, even where the check
is interrupted. A listed tracker refuses such a torrent: name one of its own with --hash. A private one wants its key in the URL.
One line for each URL, in their order; with --json one object a line.
Exit code: 0 all are well, 1 some are not, 2 usage. More: docs/command-line.md.
`

const EVENTS = ['none', 'started', 'stopped', 'completed']

/** Adds `redswarm announce`, `redswarm scrape` and `redswarm check`. */
export function addClientCommands(program: Command, outside: Outside): void {
  addAsking(
    addTo(
      program,
      'announce <url> <hash>',
      'announce a torrent to a tracker, UDP or HTTP, and print its answer',
      ANNOUNCE_HELP,
      async () => {
        const { runAnnounce } = await import('./announce.ts')
        return runAnnounce.bind(undefined, outside)
      },
    ),
  )
    .addOption(new Option('--event <name>', 'what happened').choices(EVENTS).default('none'))
    .option('--left <bytes>', 'bytes still to download; 0 is a seeder', '1')
    .option('--uploaded <bytes>', 'bytes uploaded so far', '0')
    .option('--downloaded <bytes>', 'bytes downloaded so far', '0')
    .option('--port <n>', 'where the peer listens', '6881')
    .option('--numwant <n>', 'peers wanted; else as many as the tracker likes')
    .option('--peer-id <id>', '20 characters or 40 hex digits; else one of chance')
    .option('--no-compact', 'ask an HTTP tracker for peer ids too (compact=0)')
  addAsking(
    addTo(
      program,
      'scrape <url> <hash...>',
      'ask a tracker, UDP or HTTP, for the counts of torrents',
      SCRAPE_HELP,
      async () => {
        const { runScrape } = await import('./scrape.ts')
        return runScrape.bind(undefined, outside)
      },
    ),
  )
  addAsking(
    addTo(
      program,
      'check <url...>',
      'check whether trackers and health services answer as they should',
      CHECK_HELP,
      async () => {
        const { runCheck } = await import('./check.ts')
        return runCheck.bind(undefined, outside)
      },
    ),
  ).option('--hash <hash>', 'the torrent to announce and scrape; else one that nobody has')
}

const addAsking = (command: Command): Command =>
  command
    .option('--timeout <seconds>', 'how long an answer may take', '10')
    .option('-4, --ipv4', 'ask at an IPv4 address')
    .option('-6, --ipv6', 'ask at an IPv6 address')
    .option('--json', 'print JSON')
