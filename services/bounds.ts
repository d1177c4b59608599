import { IN_WORK_MAX } from '../lib/http-server-guard.ts'
import { fixed, shown, shownBytes as shownAsKb } from '../lib/observe/table.ts'
import { BANS_MAX } from '../lib/store/bans.ts'
import { CLIENTS_MAX } from '../lib/store/clients.ts'
import { MOVING_MAX } from '../lib/store/cluster-store.ts'
import { DENIED_MAX } from '../lib/store/denied.ts'
import { makeKeys } from '../lib/store/keys.ts'
import { CHANGED_AT_ONCE, CHANGES_MAX } from '../lib/store/list.ts'
import { PENDING_MAX } from '../lib/store/passkey-copy.ts'
import { makeRecords } from '../lib/store/records.ts'
import { DAMAGE_TOLD_MAX, WAITING_MAX } from '../lib/store/redis.ts'
import { CHUNKS_BYTES, SWARMS_REMEMBERED } from '../lib/store/remembered-chunks.ts'
import { REPLY_BYTES_MAX } from '../lib/store/resp.ts'
import { RATE_TABLES } from '../lib/swarm/address-rates.ts'
import { PEER_BYTES, PEERS_REMEMBERED } from '../lib/swarm/early-announces.ts'
import { ADDRESSES_MAX, ENTRY_BYTES } from '../lib/swarm/token-buckets.ts'
import { BATCH_MAX, PAYLOAD_BYTES_MAX, SOCKET_BUFFER_BYTES } from '../lib/udp/socket.ts'
import { HTTP_SCRAPE_INFO_HASHES_MAX } from '../lib/wire/http-request.ts'
import { PROXY_HEADER_BYTES_MAX } from '../lib/wire/proxy-header.ts'
import { SCRAPE_INFO_HASHES_MAX } from '../lib/wire/udp-request.ts'
import { ACCOUNT_READERS_MAX } from './api/accounts.ts'
import { GUESSERS_MAX, GUESSERS_TOLD_MAX } from './api/attempts.ts'
import { BODY_BYTES_MAX } from './api/errors.ts'
import { WAITING_BYTES_MAX } from './api/v2/event-stream.ts'
import { READERS_MAX } from './api/v2/events.ts'
import { EXPORTS_MAX } from './api/v2/export.ts'
import { INSTANCES_MAX } from './api/v2/instances.ts'
import { LIVE_READERS_MAX } from './api/v2/live.ts'
import { URL_BYTES_MAX } from './http/app.ts'
import { PIPELINED_MAX, PIPELINED_OF_ALL_MAX } from './http/connections.ts'
import { RANKED_MAX } from './sweeper/rank.ts'
import { JOB_EVENTS_KEPT, JOBS_KEPT } from './sweeper/service.ts'
import { IN_FLIGHT_MAX } from './udp/service.ts'

/** A table, a queue, or what else could grow; how far it does, what that takes, and what is done there. */
type Bound = [what: string, bound: string, bytes: string, atBound: string]

/** Of an announce that waits, with the longest passkey. */
const RECORD_BYTES = makeRecords(makeKeys(''), true, () => 0).recordBytesMax
/** What a datagram in work takes beside its record, about: its request, its reply, and what waits for them. */
const DATAGRAM_BYTES = 1000
/** What one takes in the columns of a table; a ban of IPv6 takes twice as much. */
const BAN_BYTES = 17
const DENIED_BYTES = 33
/** Of a passkey that waits to be looked up, about. */
const PENDING_BYTES = 100
/** A tag beside what chunks are chosen by. */
const REMEMBERED_BYTES = CHUNKS_BYTES + 4

const shownBytes = (bytes: number): string => (bytes < 1e6 ? shownAsKb(bytes) : `${fixed(bytes / 1e6, 1)} MB`)
const bytesOf = (count: number, each: number): string => `${shownBytes(count * each)}, ${shown(each)} B each`
const setting = (name: string): string => `\`REDSWARM_${name}\``

const BOUNDS: Record<string, Bound[]> = {
  'UDP frontend': [
    [
      'datagrams in work',
      shown(IN_FLIGHT_MAX),
      bytesOf(IN_FLIGHT_MAX, DATAGRAM_BYTES),
      'more wait in the system’s buffer',
    ],
    [
      'the system’s buffers of a socket, in and out',
      shownBytes(SOCKET_BUFFER_BYTES),
      `${shownBytes(2 * SOCKET_BUFFER_BYTES)} of the system’s`,
      'more are dropped, and counted',
    ],
    [
      'datagrams read or written at once',
      `${BATCH_MAX} of ${shown(PAYLOAD_BYTES_MAX)} B`,
      `${shownBytes(2 * BATCH_MAX * PAYLOAD_BYTES_MAX)} a socket, and 3.0 MB of views`,
      'the rest is the next batch’s; longer ones are cut',
    ],
    [
      'addresses that errors were sent to',
      `${shown(ADDRESSES_MAX)}, twice`,
      bytesOf(2 * ADDRESSES_MAX, ENTRY_BYTES),
      'the one that had fewest starts anew',
    ],
    ['info hashes in a scrape', shown(SCRAPE_INFO_HASHES_MAX), 'one datagram', 'those after them are not answered'],
  ],
  'HTTP frontend': [
    ['connections', setting('HTTP_CONNECTIONS_MAX'), 'some 16 kB each', 'the one that was idle longest is closed'],
    [
      '… of one address',
      setting('HTTP_CONNECTIONS_PER_ADDRESS'),
      'of those',
      'its one that was idle longest is closed',
    ],
    ['requests in work, of a connection', shown(IN_WORK_MAX), 'their answers, some kB each', 'it is read no further'],
    ['requests that wait behind another, of a connection', shown(PIPELINED_MAX), 'of those of all', 'it is closed'],
    [
      '… of all connections',
      shown(PIPELINED_OF_ALL_MAX),
      'their answers, 1 to 20 kB each',
      'the one that sends another is closed',
    ],
    ['a URL', `${shown(URL_BYTES_MAX)} B`, 'as much', 'refused'],
    ['info hashes in a scrape', shown(HTTP_SCRAPE_INFO_HASHES_MAX), 'one URL', 'refused'],
    ['a header of the PROXY protocol', `${shown(PROXY_HEADER_BYTES_MAX)} B`, 'as much', 'the connection is closed'],
  ],
  'Each frontend': [
    [
      'announces that wait for Redis',
      shown(WAITING_MAX),
      bytesOf(WAITING_MAX, RECORD_BYTES),
      'more are refused (`busy`)',
    ],
    ['info hashes of scrapes, likewise', shown(WAITING_MAX), 'a seventh of that', 'more are refused (`busy`)'],
    [
      'what waits for a slot of a Cluster that moves',
      shown(MOVING_MAX),
      bytesOf(MOVING_MAX, RECORD_BYTES),
      'more are refused (`away`)',
    ],
    ['an answer of Redis', shownBytes(REPLY_BYTES_MAX), 'as much', 'the connection is made anew'],
    [
      'large swarms that are remembered',
      shown(SWARMS_REMEMBERED),
      bytesOf(SWARMS_REMEMBERED, REMEMBERED_BYTES),
      'one takes the place of another',
    ],
    [
      'addresses whose new torrents are counted',
      shown(ADDRESSES_MAX),
      bytesOf(ADDRESSES_MAX, ENTRY_BYTES),
      'the one that has added least starts anew',
    ],
    [
      'addresses whose requests and connects are counted',
      `${shown(ADDRESSES_MAX)}, ${RATE_TABLES} times`,
      bytesOf(RATE_TABLES * ADDRESSES_MAX, ENTRY_BYTES),
      'the one that has used least starts anew',
    ],
    [
      'peers whose early announces are counted',
      shown(PEERS_REMEMBERED),
      bytesOf(PEERS_REMEMBERED, PEER_BYTES),
      'the one that came early least often starts anew',
    ],
    ['bans', shown(BANS_MAX), bytesOf(BANS_MAX, BAN_BYTES), '`redswarm ban` adds no more'],
    ['denied torrents', shown(DENIED_MAX), bytesOf(DENIED_MAX, DENIED_BYTES), '`redswarm deny` adds no more'],
    ['prefixes of clients', shown(CLIENTS_MAX), 'some kB', '`redswarm clients` adds no more'],
    ['passkeys, of a private tracker', 'those that the operator made', 'some 150 B each', ''],
    [
      'changes of passkeys to look up',
      shown(PENDING_MAX),
      bytesOf(PENDING_MAX, PENDING_BYTES),
      'all passkeys are read anew',
    ],
    [
      'damaged swarms told of in the log, in a minute',
      shown(DAMAGE_TOLD_MAX),
      'lines of the log',
      'the rest is counted',
    ],
  ],
  API: [
    [
      'readers of events',
      shown(READERS_MAX),
      bytesOf(READERS_MAX, WAITING_BYTES_MAX),
      '503; one that reads too slowly is disconnected',
    ],
    ['readers of live figures', shown(LIVE_READERS_MAX), 'some kB each', '503; one that is stuck is disconnected'],
    ['exports at once', shown(EXPORTS_MAX), 'some 500 torrents each', '503'],
    ['readers of all accounts at once', shown(ACCOUNT_READERS_MAX), 'all accounts', '503'],
    [
      'addresses whose wrong tokens are counted',
      shown(GUESSERS_MAX),
      bytesOf(GUESSERS_MAX, ENTRY_BYTES),
      'the one that sent fewest starts anew',
    ],
    [
      '… that are told of in the log, in a minute',
      shown(GUESSERS_TOLD_MAX),
      'lines of the log',
      'the rest is not told',
    ],
    ['a request’s body', shownBytes(BODY_BYTES_MAX), 'as much', '413'],
    ['processes that are told', shown(INSTANCES_MAX), 'some 500 B each', 'the rest is not told'],
  ],
  Sweeper: [
    ['torrents in each of the rankings', shown(RANKED_MAX), 'some 150 B each', 'the best are in it'],
    ['finished jobs that are kept in Redis', shown(JOBS_KEPT), 'some kB', 'the oldest go'],
    ['events of jobs that are kept in Redis, about', shown(JOB_EVENTS_KEPT), '100 B each', 'the oldest go'],
  ],
  Redis: [
    ['torrents', setting('TORRENTS_MAX'), '[scaling.md](scaling.md) tells', 'new ones are refused'],
    ['… added by an address', setting('ADDRESS_TORRENTS_MAX'), 'of those', 'new ones are refused'],
    [
      '… without peers, for their count of completed downloads',
      setting('COMPLETED_LIFETIME_S'),
      '390 B each',
      'removed',
    ],
    ['peers of a torrent', setting('SWARM_PEERS_MAX'), '100 to 150 B each', 'new ones are refused'],
    [
      'changes of each list of operators',
      `${shown(CHANGES_MAX)} of ${CHANGED_AT_ONCE} names`,
      '60 MB, for a minute',
      'the oldest go; who missed one reads the whole list',
    ],
    ['events', setting('EVENTS_MAX'), 'some 50 B each', 'the oldest go'],
    ['all of it', '`maxmemory`', 'as much', 'announces are refused (`out_of_memory`), sweeps make room'],
  ],
}

/** The section of `docs/configuration.md` that tells how far everything grows. */
export function boundsSection(): string {
  const rows = Object.entries(BOUNDS).flatMap(([where, bounds]) =>
    bounds.map(([what, bound, bytes, atBound]) => `| ${where} | ${what} | ${bound} | ${bytes} | ${atBound} |`),
  )
  return `## Bounds

Every table and every queue has a bound. What can be set is named by its setting, above; the rest is as here.

| of | what | bound | memory at the bound | what happens there |
|---|---|---|---|---|
${rows.join('\n')}
`
}
