import type { Command } from 'commander'
import { addDenyingCommands } from './denying/command.ts'
import { addGroup, addTo, JSON_OPTION, WHERE } from './usage/command.ts'

const WHITELIST_HELP = `
Examples:
  $ npx redswarm whitelist add 443c7602b4fde83d1154d6d9da48808418b181b6
  $ npx redswarm whitelist import listed.txt          an info hash a line; # begins a comment
  $ npx redswarm whitelist list > listed.txt
${WHERE}
A tracker asks the whitelist with REDSWARM_LISTED=true; a change is effective at once.
Exit code: 0 done, 1 not all of it (bad lines, or not on the list), 2 usage, or Redis away. More: docs/access.md.
`

const KEYS_HELP = `
Examples:
  $ npx redswarm keys add                             makes a key and prints it
  $ npx redswarm keys add --valid 30d                 one that expires
  $ npx redswarm keys list
${WHERE}
A tracker asks for keys with REDSWARM_PRIVATE=true: its URL is then /announce/KEY. A change is effective on all frontends
within a second.
Exit code: 0 done, 1 no such key, 2 usage, or Redis away. More: docs/access.md.
`

/** Adds `redswarm whitelist` and `redswarm keys`, and who and what is not served. */
export function addAccessCommands(program: Command): void {
  addWhitelist(addGroup(program, 'whitelist', 'the torrents that a listed tracker serves'))
  addKeys(addGroup(program, 'keys', 'the keys of a private tracker, one for each of its users'))
  addDenyingCommands(program)
}

function addWhitelist(group: Command): void {
  group.addHelpText('after', WHITELIST_HELP)
  addTo(
    group,
    'add <hash...>',
    'list torrents, by their info hashes',
    WHITELIST_HELP,
    async () => (await import('./whitelist.ts')).addToWhitelist,
  )
  addTo(
    group,
    'remove <hash...>',
    'take torrents off the list',
    WHITELIST_HELP,
    async () => (await import('./whitelist.ts')).removeFromWhitelist,
  )
  addTo(
    group,
    'list',
    'print what is listed, in order',
    WHITELIST_HELP,
    async () => (await import('./whitelist.ts')).printWhitelist,
  ).option(...JSON_OPTION)
  addTo(
    group,
    'import <file>',
    'list the torrents of a file (- is standard input)',
    WHITELIST_HELP,
    async () => (await import('./whitelist.ts')).importWhitelist,
  ).option('--skip-bad', 'leave out lines that are no info hashes; else one of them keeps all from being imported')
}

function addKeys(group: Command): void {
  group.addHelpText('after', KEYS_HELP)
  addTo(
    group,
    'add [key]',
    'add a key, 32 letters and digits, or make one',
    KEYS_HELP,
    async () => (await import('./keys.ts')).addKey,
  ).option('--valid <time>', 'how long it is valid, such as 30d, 12h or 90m; else for ever')
  addTo(group, 'remove <key>', 'remove a key', KEYS_HELP, async () => (await import('./keys.ts')).removeKey)
  addTo(
    group,
    'list',
    'print all keys with what was moved with each',
    KEYS_HELP,
    async () => (await import('./keys.ts')).printKeys,
  ).option(...JSON_OPTION)
}
