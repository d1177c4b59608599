import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in what the services decide. */
export const serviceMutants: readonly Mutant[] = [
  ...mutantsOf(
    'services/udp/datagram.ts',
    ['unit/datagram', 'services/udp', 'services/udp-limits'],
    [
      ['anybody’s connection id is good', "if (standing !== 'valid') {", "if (standing === 'expired') {"],
      ['an expired connection id is good', "if (standing !== 'valid') {", "if (standing === 'forged') {"],
      [
        'an error may be longer than what was sent',
        'if (REPLY_HEAD_BYTES + message.length > datagram.payload.length || hasProxyHeader(datagram))',
        'if (hasProxyHeader(datagram))',
      ],
      [
        'errors have no budget',
        'else if (errorBudget(datagram.source, standing, work.nowS)) refuse',
        'else if (errorBudget) refuse',
      ],
      ['a peer may announce port 0', 'request.port === 0 && request.event !== EVENT.stopped', 'request.port < 0'],
      ['a peer that stops must name a port', ' && request.event !== EVENT.stopped', ''],
      [
        'a peer is stored at the port that it sent from',
        ': withPort(source, request.port)',
        ': withPort(source, source.readUInt16BE(source.length - 2))',
      ],
      ['each scrape of a batch gets the counts of the first', '        at += sizes[i] as number\n', ''],
      ['a connection id of another client of the batch is issued', 'work.ids.issue(index)', 'work.ids.issue(0)'],
      ['an IPv6 reply has as many peers as an IPv4 one', 'isV6 ? PEERS_MAX_IPV6 : PEERS_MAX_IPV4', 'PEERS_MAX_IPV4'],
      ['announces are not counted', 'counters[kind] += waiting.length\n    for', 'for'],
    ],
  ),
  ...mutantsOf(
    'services/udp/error-budget.ts',
    ['unit/error-budget'],
    [
      ['one error too many', '{ burst: 10,', '{ burst: 11,'],
      ['a budget is never given anew', 'perS: 10 / 60', 'perS: 0'],
      ['whoever forges ids uses up the errors for expired ones', 'budgets[standing]', 'budgets.forged'],
      ['an address without end gets errors for an expired id', 'burst: 1000', 'burst: 1e9'],
    ],
  ),
  ...mutantsOf(
    'services/http/request.ts',
    ['services/http', 'services/http-proxy'],
    [
      ['peer ids are asked for by whoever wants no compact list', '!compact && !noPeerId', '!compact'],
      ['minutes are told as seconds', 'Math.ceil(retryInS / SECONDS_PER_MINUTE)', 'retryInS'],
      [
        'a peer is stored at the port that it sent from',
        'named.value ?? withPort(source, port)',
        'named.value ?? (port > 0 ? source : withPort(source, port))',
      ],
      [
        'a compact list is told to everybody',
        'compact ? writeCompactAnnounceReply(reply) : writeDictionaryAnnounceReply(reply)',
        'compact || reply ? writeCompactAnnounceReply(reply) : writeDictionaryAnnounceReply(reply)',
      ],
      [
        'a scrape that fails is an empty one',
        'return refusal(refusalText(refused), retryInS(refused, random))',
        'return writeHttpScrapeReply([], [])',
      ],
    ],
  ),
  ...mutantsOf(
    'services/http/app.ts',
    ['services/http-proxy', 'services/http'],
    [
      [
        'whoever says so is at another address',
        'if (!sender || !isProxy(sender)) return sender\n',
        'if (!sender) return sender\n',
      ],
      ['bytes of an answer become UTF-8', "answer.toString('latin1'), 'latin1'", "answer.toString('latin1')"],
      [
        'a proxy that says nothing is a peer itself',
        'request.socket.remotePort ?? 0, isProxy)',
        'request.socket.remotePort ?? 0, isProxy) ?? sender',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/wire/forwarded-for.ts',
    ['services/http-proxy'],
    [['the left-most address of X-Forwarded-For counts', '.findLast(', '.find(']],
  ),
  ...mutantsOf(
    'services/sweeper/sweep.ts',
    ['unit/sweeper', 'services/sweeper'],
    [
      [
        'a sweep ends with the first piece of a shard',
        'hasMore && pieces < PIECES_PER_SHARD_MAX',
        'hasMore && pieces < 1',
      ],
      ['a sweep that is told to stop goes on', ' && !isStopping(); pieces++', '; pieces++'],
      [
        'peers that were removed are not told of',
        'report.peersRemoved += piece.peersRemoved',
        'report.peersRemoved += 0 * piece.peersRemoved',
      ],
    ],
  ),
  ...mutantsOf(
    'services/sweeper/rank.ts',
    ['unit/sweeper', 'services/sweeper'],
    [
      [
        'the worst torrents are ranked',
        'kept.sort((a, b) => b.score - a.score)',
        'kept.sort((a, b) => a.score - b.score)',
      ],
      ['a ranking has more than its most', '.slice(0, RANKED_MAX)', ''],
      ['torrents without a seeder are ranked by seeders', '      if (score === 0) return\n', ''],
    ],
  ),
  ...mutantsOf(
    'services/udp/service.ts',
    ['services/udp-limits', 'services/udp'],
    [
      ['datagrams in work have no limit', 'if (inFlight + batch.length > IN_FLIGHT_MAX) {', 'if (inFlight < 0) {'],
      ['what is answered still counts as in work', '      inFlight -= count\n', ''],
      ['a stop does not wait for what is in work', 'if (inFlight > 0) {', 'if (inFlight < 0) {'],
      ['sockets take in what can only be dropped', 'inFlight + BATCH_MAX > IN_FLIGHT_MAX', 'inFlight < 0'],
      ['what the system drops is not counted', 'counters.udp_dropped += socket.takeDrops()', 'socket.takeDrops()'],
    ],
  ),
  ...mutantsOf(
    'services/udp/reply-room.ts',
    ['unit/datagram'],
    [['all replies of a batch are written to one place', 'place = (place + 1) % BATCH_MAX', 'place = 0']],
  ),
  ...mutantsOf(
    'lib/udp/kept-views.ts',
    ['services/udp-socket'],
    [['a view of one place is given for another', 'kept[place * keptBytesMax + bytes] ?? make', 'kept[bytes] ?? make']],
  ),
  ...mutantsOf(
    'lib/udp/linux/linux-socket.ts',
    ['services/udp-socket'],
    [
      ['a full socket is read', '        if (isFull()) return Math.max(1, total)\n', ''],
      [
        'drops are told again and again',
        'if (!isClosed) drops = dropsOf(libc, fd)',
        'if (!isClosed) return dropsOf(libc, fd)',
      ],
    ],
  ),
]
