import type { Command } from 'commander'
import type { Outside } from '../outside.ts'
import { addTo } from '../usage/command.ts'

const WHERE = `
Works on the Redis of REDSWARM_REDIS_URL (one, Sentinels or a Cluster), else on the private one of the tracker that runs on the data folder.
`

const EXPORT_HELP = `
Examples:
  $ npx redswarm export backup.jsonl.gz               compressed, since its name ends in .gz
  $ npx redswarm export --without-peers lists.jsonl   whitelist, keys, bans, accounts and counts, and no addresses
  $ npx redswarm export | ssh backup 'cat > tracker.jsonl'

All that the tracker keeps is written as lines of JSON, while it serves: counters, whitelist, keys, accounts, bans, completed counts, swarms
with their peers. A file is there under its name once it is whole; until then, what was there stays. It has keys and addresses of peers:
keep it as you keep those.
${WHERE}
Exit code: 0 done, 1 damaged swarms were left out, 2 usage, stopped, Redis away, or the file cannot be written. More: docs/operations.md.
`

const IMPORT_HELP = `
Examples:
  $ npx redswarm import backup.jsonl.gz               into the Redis of REDSWARM_REDIS_URL
  $ npx redswarm import --dry-run backup.jsonl.gz     reads it to its end, and tells what is in it
  $ npx redswarm import sqlite3.db --dry-run          a Torrust Tracker's database: tells what would be done
  $ npx redswarm import torrust sqlite3.db            the same, by its name

FILE is what redswarm export wrote, compressed or not (- is standard input), or the sqlite database of the Torrust Tracker, 2.0 or later, which
is only read, and whose tracker may be running. Done twice, it changes nothing the second time; one that was interrupted goes on where it was.
${WHERE}
Exit code: 0 done, 1 not all of it is there, 2 usage, no such file or a damaged one, a Redis that holds a tracker (--merge), or Redis away.
More: docs/operations.md, docs/access.md.
`

/** Adds `redswarm export` and `redswarm import`. */
export function addMoveCommands(program: Command, outside: Outside): void {
  addTo(program, 'export [file]', 'write all that a tracker keeps into a file', EXPORT_HELP, async () => {
    const { exportTracker } = await import('./export.ts')
    return (file: string | undefined, options: Parameters<typeof exportTracker>[2]) =>
      exportTracker(outside, file ?? '-', options)
  })
    .option('--without-peers', 'leave out peers, and who has completed: all addresses')
    .option('--with-secret', 'and the secret of connection ids: UDP clients then go on without connecting anew')
    .option('--json', 'print what was exported as one JSON object')
  addTo(
    program,
    'import <file...>',
    'take over what a tracker has kept, this one or another',
    IMPORT_HELP,
    async () => {
      const { importFile } = await import('./import.ts')
      return importFile.bind(undefined, outside)
    },
  )
    .usage('[options] <file>')
    .option('--dry-run', 'tell what is in it, or what would be done, and change nothing')
    .option('--merge', 'into a Redis that holds a tracker already')
    .option('--json', 'print one JSON object')
}
