import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in who is served, in what is kept of them, in listings and in events. */
export const accessMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/store/lua/change_passkey.lua',
    ['store/passkeys', 'services/private'],
    [
      [
        'a passkey that was renewed is removed as expired',
        "if ARGV[4] and redis.call('HGET', passkeys, passkey) ~= ARGV[4] then return 0 end\n",
        '',
      ],
      ['no frontend is told of a change', "redis.call('PUBLISH', channel, number .. ' ' .. passkey)\n", ''],
      ['a change has no number', "redis.call('INCR', version)", "tonumber(redis.call('GET', version) or 0)"],
      [
        'a passkey is removed by an empty time',
        "redis.call('HDEL', passkeys, passkey)",
        "redis.call('HSET', passkeys, passkey, '')",
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/passkey-copy.ts',
    ['store/passkeys', 'services/private'],
    [
      [
        'a change that is heard while an earlier one is looked up is forgotten',
        '    pending.clear()\n    try {\n      const texts',
        '    try {\n      const texts',
      ],
      ['what could not be looked up is forgotten', '      for (const passkey of passkeys) pending.add(passkey)\n', ''],
      ['a passkey is valid in the second in which it expires', 'until > nowS()', 'until >= nowS()'],
      ['changes that could not be heard are never made good', 'if (now !== version) isBehind = true', ''],
      [
        'a Redis that came back without its last changes is taken at its number',
        "subscriber.on('ready', () => {\n    isBehind = true\n",
        "subscriber.on('ready', () => {\n",
      ],
      ['what is heard while all are read is lost', '    known = all\n    await readPending()', '    known = all'],
      [
        'a passkey that has gone stays',
        'if (text === null) known.delete(passkey)',
        'if (text === null) known.get(passkey)',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/swarm/access.ts',
    ['services/private'],
    [
      ['a private tracker serves who has no passkey', "if (passkey === '')", "if (passkey === 'none')"],
      ['an expired passkey is served', "if (state === 'valid')", "if (state !== 'unknown')"],
      ['an unknown passkey is served', "if (state === 'valid')", "if (state !== 'expired')"],
      ['a passkey may hold anything', 'return `the passkey in', 'return undefined && `the passkey in'],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/import_completed.lua',
    ['store/completed'],
    [['a look writes', 'local prefix, writes = ARGV[1], ARGV[2] ==', 'local prefix, writes = ARGV[1], ARGV[2] ~=']],
  ),
  ...mutantsOf(
    'lib/store/lua/include/import_count.lua',
    ['store/completed'],
    [
      [
        'a count is lowered',
        'if had >= completed then return false end\n',
        'if had == completed then return false end\n',
      ],
      ['the totals have all of a count that was raised', "'completed', completed - had)", "'completed', completed)"],
      ['a torrent that comes to be is in no index', "  redis.call('ZADD', index, '+inf', infoHash)\n", ''],
      [
        'a torrent that comes to be is not counted',
        "'torrents', 1, 'completed', completed)",
        "'completed', completed)",
      ],
      [
        'peers are lost where a count is raised',
        'headWithCounts(head, leechers, seeders, completed)',
        'headWithCounts(head, 0, 0, completed)',
      ],
      [
        'a swarm without a head is written over',
        "  if redis.call('EXISTS', key) == 1 then fault(key, 'has no head') end\n",
        '',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/ranked.lua',
    ['services/api-v2'],
    [
      [
        'a page begins with the last of the page before',
        'less + there, less + there + limit - 1',
        'less, less + limit - 1',
      ],
      [
        'a ranking that was begun is not read to its end',
        "if id ~= '' and id == ids[2] then ranks, read = previous, id end\n",
        '',
      ],
      ['a page goes over the start of the ranking', "math.max(from, 0), to, 'WITHSCORES'", "from, to, 'WITHSCORES'"],
      ['a place whose torrent has gone is taken for the start', '  while low < high do', '  while false do'],
      [
        'a page in descending order leaves one out',
        'from, to = less - limit, less - 1',
        'from, to = less - limit - 1, less - 2',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/listing.ts',
    ['store/listing'],
    [
      ['a page that looks at one large shard never goes on', 'looked += next.length', 'looked += hexes.length'],
      ['a page that matches little looks at all there is', 'if (looked >= LOOKED_MAX)', 'if (looked < 0)'],
    ],
  ),
  ...mutantsOf(
    'services/api/accounts.ts',
    ['services/api-accounts'],
    [['anybody may read all accounts at once', 'const giveBack = accountSlots.take()', 'const giveBack = () => {}']],
  ),
  ...mutantsOf(
    'lib/store/passkeys.ts',
    ['store/passkeys'],
    [['expired passkeys are removed though a stop waits', 'if (isStopping()) return removed', '']],
  ),
  ...mutantsOf(
    'lib/http-server.ts',
    ['services/http-proxy'],
    [['a connection that has asked nothing holds a stop up', 'if (socket.bytesRead === 0) socket.destroy()', '']],
  ),
  ...mutantsOf(
    'lib/store/peer-pages.ts',
    ['store/peer-pages', 'services/api'],
    [
      ['peers that move while a page is read are left out', 'now.chunks.join() === chunks.join()', 'true'],
      ['more peers are shown than were asked for', 'found.slice(0, limit)', 'found'],
      [
        'of a large swarm only the first chunk is read',
        'Array.from({ length: chunks }',
        'Array.from({ length: Math.min(chunks, 1) }',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/tell_event.lua',
    ['store/events', 'services/api-v2-streams'],
    [
      ['events are told where they are off', '  if eventsMax == 0 then return end\n', ''],
      ['an event that cannot be told fails an announce halfway', 'redis.pcall', 'redis.call'],
      ['the stream of events grows without end', "'MAXLEN', '~', eventsMax, ", ''],
    ],
  ),
  ...mutantsOf(
    'lib/store/events.ts',
    ['store/events'],
    [
      ['nobody is told that events may be missing', 'const mayMiss = !(await isKept(lastId))', 'const mayMiss = false'],
      [
        'all are told at each event that others may be missing',
        'const mayMiss = !(await isKept(lastId))',
        'const mayMiss = true',
      ],
      ['an event is heard again and again', '    lastId = last\n', ''],
    ],
  ),
]
