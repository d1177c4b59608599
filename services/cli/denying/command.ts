import type { Command } from 'commander'
import { addGroup, addTo, JSON_OPTION, WHERE } from '../usage/command.ts'

const BAN_HELP = `
Examples:
  $ npx redswarm ban add 192.0.2.1                    an address, for ever
  $ npx redswarm ban add 192.0.2.0/24 2001:db8::/32 --for 7d
  $ npx redswarm ban import level1.gz --for 30d       a blocklist; again each week, so that what is off it is served again
  $ npx redswarm ban list

A blocklist (- is standard input, compressed or not) has addresses, networks (CIDR) and ranges, a line each, with # or ; before comments;
or it is PeerGuardian's (name:1.2.3.4-1.2.3.8), eMule's ipfilter.dat, or a DROP list of Spamhaus.
${WHERE}
UDP requests of a banned address are left unanswered, HTTP requests are refused. A change is effective on all frontends
within a second. Peers that are there already stay until they expire.
Exit code: 0 done, 1 not all were banned, or not all lines could be read, 2 usage, or Redis away. More: docs/access.md.
`

const DENY_HELP = `
Examples:
  $ npx redswarm deny add 443c7602b4fde83d1154d6d9da48808418b181b6
  $ npx redswarm deny add 443c7602b4fde83d1154d6d9da48808418b181b6 --for 30d
  $ npx redswarm deny import denied.txt               an info hash a line; # begins a comment
  $ npx redswarm deny list > denied.txt
${WHERE}
Announces of a denied torrent are refused, and a scrape is told zeros. A change is effective on all frontends within a second.
Peers that are there already are told to nobody, and expire.
Exit code: 0 done, 1 not all of it (bad lines, or not denied before), 2 usage, or Redis away. More: docs/access.md.
`

const CLIENTS_HELP = `
Examples:
  $ npx redswarm clients deny -XL0012-                those whose peer id begins so; the longest that fits counts
  $ npx redswarm clients allow -qB -TR -lt            and no others: where some are allowed, the rest is refused
  $ npx redswarm clients deny '-BT\\x00'              a byte as two hex digits
  $ npx redswarm clients list
${WHERE}
Announces of a client that is not allowed are refused, but those by which it leaves. A client can say that it is another one.
A change is effective on all frontends within a second.
Exit code: 0 done, 1 not all were on the list, 2 usage, or Redis away. More: docs/access.md.
`

const FOR = ['--for <time>', 'how long, such as 30d, 12h or 90m; else for ever'] as const

/** Adds `redswarm ban`, `redswarm deny` and `redswarm clients`. */
export function addDenyingCommands(program: Command): void {
  addBan(addGroup(program, 'ban', 'addresses and networks that are not served'))
  addDeny(addGroup(program, 'deny', 'torrents that are not served'))
  addClients(addGroup(program, 'clients', 'clients that are served or not, by their peer ids'))
}

function addBan(group: Command): void {
  group.addHelpText('after', BAN_HELP)
  addTo(
    group,
    'add <network...>',
    'ban addresses and networks (CIDR)',
    BAN_HELP,
    async () => (await import('../ban.ts')).addBans,
  ).option(...FOR)
  addTo(group, 'remove <network...>', 'end bans', BAN_HELP, async () => (await import('../ban.ts')).removeBans)
  addTo(group, 'list', 'print all bans', BAN_HELP, async () => (await import('../ban.ts')).printBans).option(
    ...JSON_OPTION,
  )
  addTo(
    group,
    'import <file>',
    'ban the addresses of a blocklist (- is standard input)',
    BAN_HELP,
    async () => (await import('../ban-import.ts')).importBans,
  )
    .option(...FOR)
    .option('--dry-run', 'tell what would be done, and change nothing')
    .option('--strict', 'ban nothing where a line cannot be read')
    .option('--with-private', 'also addresses of this machine and of private networks')
    .option('--json', 'print one JSON object')
}

function addDeny(group: Command): void {
  group.addHelpText('after', DENY_HELP)
  addTo(
    group,
    'add <hash...>',
    'deny torrents, by their info hashes',
    DENY_HELP,
    async () => (await import('../deny.ts')).addDenied,
  ).option(...FOR)
  addTo(
    group,
    'remove <hash...>',
    'serve torrents again',
    DENY_HELP,
    async () => (await import('../deny.ts')).removeDenied,
  )
  addTo(
    group,
    'list',
    'print what is denied, in order',
    DENY_HELP,
    async () => (await import('../deny.ts')).printDenied,
  ).option(...JSON_OPTION)
  addTo(
    group,
    'import <file>',
    'deny the torrents of a file (- is standard input)',
    DENY_HELP,
    async () => (await import('../deny.ts')).importDenied,
  )
    .option(...FOR)
    .option('--skip-bad', 'leave out lines that are no info hashes; else one of them keeps all from being imported')
}

function addClients(group: Command): void {
  group.addHelpText('after', CLIENTS_HELP)
  const commands = [
    ['allow', 'serve clients, and of the others only those that are allowed, too', 'allowClients'],
    ['deny', 'refuse clients', 'denyClients'],
    ['remove', 'take clients off the list', 'removeClients'],
  ] as const
  for (const [name, description, run] of commands) {
    // Nearly every peer id begins with a minus, as options do.
    addTo(
      group,
      `${name} <prefix...>`,
      description,
      CLIENTS_HELP,
      async () => (await import('../clients.ts'))[run],
    ).allowUnknownOption()
  }
  addTo(
    group,
    'list',
    'print the list, and what becomes of all others',
    CLIENTS_HELP,
    async () => (await import('../clients.ts')).printClients,
  ).option(...JSON_OPTION)
}
