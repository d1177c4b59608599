import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in the half of the store that is TypeScript. */
export const storeMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/store/batcher.ts',
    ['unit/batcher'],
    [
      [
        'replies of a group that goes out in two calls are mixed up',
        'group.replies[from + k] = replyOf(i++)',
        'group.replies[k] = replyOf(i++)',
      ],
      ['one item too many is kept', 'size + items.length > itemsMax', 'size + items.length > itemsMax + 1'],
      ['calls go out one at a time', 'inFlight < callsInFlightMax', 'inFlight < 1'],
      ['calls go out as many as there are, though nobody answers', '!breaker.isOpen() && inFlight', 'inFlight'],
      ['a call that is half empty goes out beside another', 'count === callItemsMax && ', ''],
      ['each item goes out by itself', 'setImmediate(() => {', 'queueMicrotask(() => {'],
      ['what is answered still counts as waiting', '    size -= call.count\n', ''],
      ['what waits is kept when the store falls silent', '    if (silence) refuseWaiting()\n', ''],
      [
        'items wait while a store is known to be silent',
        '      if (breaker.isSilent()) return Promise.resolve(items.map(() => refuse(breaker.reason())))\n',
        '',
      ],
      ['a call takes one item too many', 'callItemsMax - call.count)', 'callItemsMax - call.count + 1)'],
      ['a silent store stays silent after its answer', '      silence = now\n', '      silence ??= now\n'],
    ],
  ),
  ...mutantsOf(
    'lib/store/swarm-key.ts',
    ['store/announce', 'store/calls', 'unit/records'],
    [
      [
        'a record is of another shard',
        'into.copyWithin(digitsAt - SHARD_BEFORE, digitsAt, digitsAt + 3)',
        'into.copyWithin(digitsAt - SHARD_BEFORE, digitsAt + 1, digitsAt + 4)',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/records.ts',
    ['store/announce', 'store/remembered-chunks', 'store/calls', 'unit/records', 'store/accounts'],
    [
      ['a seeder is written as a leecher', '(isSeeder ? 1 : 0)\n', '0\n'],
      ['a leecher completes too', 'event === EVENT.completed && isSeeder ?', 'event === EVENT.completed ?'],
      ['one that stops is not told as such', '(event === EVENT.stopped ? SPECIAL.stopped : 0) +', '0 +'],
      ['that peer ids are asked for is not told', '(wantsPeerIds ? SPECIAL.peerIds : 0) +', '0 +'],
      [
        'one that stops is told of peers',
        'announce.event === EVENT.stopped ? 0 : announce.numwant',
        'announce.numwant',
      ],
      ['a swarm is told to be large that is not known', 'known === undefined ? 0 : 1\n', '1\n'],
      ['nothing is remembered', '        if (head) remembered.learn(records, at + hexAt, head)\n', ''],
      [
        'what is remembered is of another record',
        'remembered.learn(records, at + hexAt, head)',
        'remembered.learn(records, hexAt, head)',
      ],
      ['after an IPv6 record, what is remembered is of none', '(isIpv6 ? 18 : 6)\n', '6\n'],
      [
        'after a passkey, what is remembered is of none',
        'return hasPasskey ? at + 1 + (records[at] as number) : at',
        'return at',
      ],
      ['pieces are told from the first on only', 'Math.floor(random() * chunkCount(bytes, known, other))', '0'],
      ['peers are told of the own role’s piece', 'const other = list ^ 1\n', 'const other = list\n'],
      [
        'a piece is named of the wrong number',
        'HEX_PAIRS[number & 0xff] as number, at + 5',
        'HEX_PAIRS[number & 0x7f] as number, at + 5',
      ],
      ['IPv6 chunks are named as IPv4’s', 'list < 2 ? FOUR : SIX', 'FOUR'],
      [
        'what chunks were chosen by is told without the salt',
        'i < CHUNKS_BYTES; i++) into',
        'i < CHUNKS_BYTES - 4; i++) into',
      ],
      ['the event is left out of the details', 'into[at++] = announce.event', 'into[at++] = 0'],
    ],
  ),
  ...mutantsOf(
    'lib/store/node-store.ts',
    ['store/announce', 'store/refusals', 'store/calls', 'unit/records', 'services/udp-limits'],
    [
      ['nothing is learnt of replies', '    records.learn(bytes, (i) => reply[2 * i])\n', ''],
      ['what is learnt of a reply is the next one’s', '(i) => reply[2 * i])\n', '(i) => reply[2 * i + 2])\n'],
      ['every call chooses peers by the same chance', 'Math.floor(random() * 2 ** 31)', '7'],
      [
        'every error of Redis is taken for silence',
        "(error as Error | undefined)?.name !== 'ReplyError'",
        'error !== undefined',
      ],
      [
        'the reply of the next announce is taken',
        '[reply[2 * i], reply[2 * i + 1]]',
        '[reply[2 * (count - 1 - i)], reply[2 * (count - 1 - i) + 1]]',
      ],
      [
        'a torrent that is not listed is called damaged',
        'if (isToldRefusal(text)) return { ok: false, refusal: text }\n',
        '',
      ],
      ['the whitelist is never looked at', "const listed = policy.listed ? '1' : ''", "const listed = ''"],
      ['a scrape tells of torrents that are not listed', "bytes, policy.listed ? '1' : '']", "bytes, '']"],
      [
        'a damaged head is read as it is',
        'if (isHead && head.length === HEAD_BYTES) return',
        'if (isHead && head.length >= 12) return',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/redis.ts',
    ['services/udp-limits'],
    [['a damaged swarm is told of each time', '?? problem) > 0) log', '?? problem) >= 0) log']],
  ),
  ...mutantsOf(
    'lib/store/remembered-chunks.ts',
    ['store/remembered-chunks', 'store/calls', 'unit/records'],
    [
      [
        'a swarm is taken for another of its place',
        'tags[slot] === tagOf(hex, hexAt) ? slot',
        'tags[slot] !== 0 ? slot',
      ],
      ['all swarms have one place', '0x85ebca6b)) >>> 15', '0x85ebca6b)) >>> 31'],
      ['what is no head is remembered', '      if (head.length !== HEAD_BYTES) return\n', ''],
      ['a swarm of IPv6 only is taken for small', ' || head.readUInt32BE(CHUNKS_AT + 4) !== 0', ''],
      ['a swarm of IPv4 only is taken for small', 'head.readUInt32BE(CHUNKS_AT) !== 0 || ', ''],
      ['a small swarm is remembered as it was', '      } else if (tags[slot] === tag) tags[slot] = 0\n', '      }\n'],
      ['a small swarm makes another be forgotten', 'else if (tags[slot] === tag) tags', 'else tags'],
      ['the salt is not remembered', 'i < CHUNKS_BYTES; i++) bytes', 'i < CHUNKS_BYTES - 4; i++) bytes'],
      [
        'a chunk that is not there yet is chosen',
        'number >= chunks ? number - whole / 2',
        'number > chunks ? number - whole / 2',
      ],
      ['the low bits of the port choose the chunk', '  hash = (((hash * hash) % PRIME) * hash) % PRIME\n', ''],
      ['an IPv6 endpoint is read as an IPv4 one', 'endpoint.length === 6 ? 2 : 3', '2'],
    ],
  ),
  ...mutantsOf(
    'lib/store/scripts.ts',
    ['store/scripts', 'store/announce', 'services/sweeper'],
    [
      [
        'a script that Redis has forgotten is not loaded again',
        "!error.message.startsWith('ERR Function not found')",
        'error.message !== ""',
      ],
      [
        'a script that fails is run again',
        "!error.message.startsWith('ERR Function not found')",
        "!error.message.includes('not found')",
      ],
      ['two versions of a script have one name', 'hash.slice(0, HASH_DIGITS)', "'0'.repeat(HASH_DIGITS)"],
      ['flags are no part of what tells versions apart', '{first}', '{name}'],
      ['a script is made anew with each call', 'script = script or make()', 'script = make()'],
      ['flags are left out', 'flags.map((flag) =>', 'flags.slice(0, 0).map((flag) =>'],
      ['a full Redis runs nothing', '(?:OOM|READONLY)', '(?:READONLY)'],
      ['a replica answers nothing', '(?:OOM|READONLY)', '(?:OOM)'],
      ['flags are left out where Redis is full', 'flags.length > 0 ?', 'flags.length > 9 ?'],
      ['a library that cannot be loaded is not named', 'error.message = `cannot load', 'error.cause = `cannot load'],
    ],
  ),
  ...mutantsOf(
    'lib/store/layout.ts',
    ['store/announce', 'store/chunks'],
    [
      [
        'seeders and leechers change places in the head',
        'leechers: head.readUInt32BE(0),\n  seeders: head.readUInt32BE(4),',
        'leechers: head.readUInt32BE(4),\n  seeders: head.readUInt32BE(0),',
      ],
      ['the name of a chunk is decimal', 'number.toString(16)', 'number.toString(10)'],
    ],
  ),
  ...mutantsOf(
    'lib/store/stored-peers.ts',
    ['store/listing', 'services/api'],
    [['a leecher is shown as a seeder', 'isSeeder: value[0] === 1', 'isSeeder: value[0] !== 1']],
  ),
  ...mutantsOf(
    'lib/store/reader.ts',
    ['store/listing', 'services/api'],
    [
      [
        'only the first shards are summed up',
        'for (let i = 0; i < there.length; i += SHARDS_AT_ONCE) {',
        'for (let i = 0; i < SHARDS_AT_ONCE; i += SHARDS_AT_ONCE) {',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/walk.ts',
    ['store/listing', 'services/sweeper'],
    [
      ['a walk ends after the first page', "} while (cursor !== '0')", "} while (cursor === '')"],
      ['torrents are in the order that Redis has them', 'INFO_HASH.test(hex)))].sort()', 'INFO_HASH.test(hex)))]'],
      [
        'a shard of very many is read no further than one call',
        'members.length <= READ_WHOLE_MAX ? members',
        'members.length > 0 ? members',
      ],
      ['a damaged torrent ends a walk', 'if (head instanceof Buffer && head.length === HEAD_BYTES)', 'if (head)'],
    ],
  ),
  ...mutantsOf(
    'lib/store/ranks.ts',
    ['store/listing'],
    [
      [
        'an empty ranking leaves the old one',
        'if (hadOne > 0) steps.rename(current, before)',
        'if (hadOne > 0 && ranked.length > 0) steps.rename(current, before)',
      ],
      [
        'torrents that lost their place stay in a ranking',
        'if (ranked.length > 0) steps.rename(next, current)',
        'if (ranked.length > 0) steps.zunionstore(current, 2, next, before)',
      ],
      [
        'a ranking ends after 500',
        'for (let i = 0; i < ranked.length; i += PER_CALL)',
        'for (let i = 0; i < Math.min(1, ranked.length); i += PER_CALL)',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/stats.ts',
    ['store/stats'],
    [
      ['everything is added again with each flush', 'now[name] - flushed[name]]', 'now[name]]'],
      [
        'a flush that was not answered is left out',
        '      unanswered ??= takeFlush()\n',
        '      unanswered = takeFlush()\n',
      ],
      [
        'a flush that was not answered comes under a new number',
        'await runScript(redis, script, scriptKeys, [unanswered.number,',
        'await runScript(redis, script, scriptKeys, [++lastNumber,',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/sweep.ts',
    ['store/sweep-times', 'services/sweeper'],
    [
      ['a sweep ends after its first piece', 'hasMore: more === 1', 'hasMore: false'],
      ['sweeps are overdue at once', '> OVERDUE_INTERVALS * sweepIntervalS', '>= 0'],
      ['sweeps are never overdue', '> OVERDUE_INTERVALS * sweepIntervalS', '> Number.POSITIVE_INFINITY'],
    ],
  ),
  ...mutantsOf(
    'lib/store/check-server.ts',
    ['store/connect', 'cli/program'],
    [
      ['a Redis that evicts is taken', "if (policy !== 'noeviction')", 'if (policy === "")'],
      ['Redis 6.2 is taken', "redis: '7.0'", "redis: '6.2'"],
      ['version 7.10 comes before 7.2', 'Number.parseInt(part, 10) || 0', 'Number.parseInt(part[0] ?? "0", 10) || 0'],
      ['the layout of another version is taken', 'if (found === SCHEMA || found === null) return', 'return'],
    ],
  ),
  ...mutantsOf(
    'lib/store/clock.ts',
    ['store/clock'],
    [
      ['the clock runs backwards from Redis’s', '(ownNowMs() + offsetMs) / 1000', '(ownNowMs() - offsetMs) / 1000'],
      ['the way to Redis is added to its time', '(askedMs + ownNowMs()) / 2', 'askedMs'],
    ],
  ),
  ...mutantsOf(
    'lib/store/secret.ts',
    ['store/secret'],
    [
      ['each frontend makes a secret of its own', ".toString('hex'), 'NX')", ".toString('hex'))"],
      ['a damaged secret is used', "if (SECRET.test(kept ?? ''))", 'if (kept !== undefined)'],
    ],
  ),
  ...mutantsOf(
    'lib/store/audit/names.ts',
    ['store/audit'],
    [['a swarm made anew while it is looked at stays wrong', ' || (await repairMadeAnew(context, key))', '']],
  ),
]
