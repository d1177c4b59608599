import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in the lists that operators keep: bans, denied torrents, clients. */
export const listMutants: readonly Mutant[] = [
  ...mutantsOf('lib/swarm/bans.ts', ['unit/bans'], [['a ban does not end', '=> untilS > nowS()', '=> untilS > 0']]),
  ...mutantsOf(
    'lib/wire/network-table.ts',
    ['unit/bans'],
    [['only the smallest network counts', 'row >= 0; row = parents[row] as number)', 'row >= 0; row = -1)']],
  ),
  ...mutantsOf(
    'lib/wire/network.ts',
    ['unit/bans'],
    [
      ['a network of all addresses can be banned', 'bits < 1', 'bits < 0'],
      ['an IPv4-mapped network is as long as one of IPv6', '(isMapped ? MAPPED_BITS : 0)', '0'],
    ],
  ),
  ...mutantsOf(
    'lib/wire/prefix-table.ts',
    ['unit/prefixes', 'unit/bans'],
    [
      ['more of the last word counts than should', '>>> (32 - rest) === 0', '=== 0'],
      [
        'what is in none that comes before is in none',
        'row = parents[row] as number\n    return row',
        'row = -1\n    return row',
      ],
      ['words after the first are not compared', 'found === first && isAfterKey(middle)', 'false'],
      ['the index ends too early', 'index[head + 1] as number)', 'index[head] as number)'],
    ],
  ),
  ...mutantsOf(
    'lib/wire/prefix-rows.ts',
    ['unit/prefixes', 'store/bans'],
    [
      ['what is gone stays', 'if (isAll && value === GONE) continue', ''],
      ['what is the same is there twice', '    if (order >= 0) b += 1\n', '    if (order > 0) b += 1\n'],
      ['the older counts', 'order < 0 ? [older, a] : [newer, b]', 'order <= 0 ? [older, a] : [newer, b]'],
    ],
  ),
  ...mutantsOf(
    'lib/wire/address-ranges.ts',
    ['unit/blocklist'],
    [
      ['ranges that touch stay two', 'from <= last.to + 1n', 'from <= last.to'],
      ['a range in another ends it', 'if (to > last.to) last.to = to', 'last.to = to'],
      ['a network reaches beyond its range', 'at + size - 1n > to', 'at > to'],
      ['what is cut out of a range takes its rest', 'return from <= range.to ? ', 'return false ? '],
    ],
  ),
  ...mutantsOf(
    'lib/wire/blocklist.ts',
    ['unit/blocklist'],
    [
      ['what a list allows is banned', "> EMULE_LEVEL_MAX ? 'allowed'", "> 999 ? 'allowed'"],
      ['zeros make another number', 'toEndpoint(decimal(text), 0)', 'toEndpoint(text, 0)'],
      ['all addresses can be banned', 'range.from === 0n && ', 'false && '],
      [
        'the larger of two readings is banned',
        'own.range.from > other.range.from',
        'own.range.from < other.range.from',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/swarm/clients.ts',
    ['unit/clients'],
    [
      [
        'where some are allowed, all others are too',
        '!values.subarray(0, rows.length).includes(RULE_VALUES.allow)',
        'true',
      ],
      ['a client that leaves is refused', 'event === EVENT.stopped || ', ''],
    ],
  ),
  ...mutantsOf(
    'lib/swarm/denied.ts',
    ['services/denied', 'unit/clients'],
    [
      ['a denied torrent is served', 'isDenied(infoHash) ? DENIED : undefined', 'undefined'],
      ['a scrape tells of a denied torrent', '? NO_COUNTS : answer', '? answer : answer'],
      ['a denial does not end', '(values[row] as number) > nowS()', 'true'],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/change_list.lua',
    ['store/lists', 'store/bans'],
    [
      ['a list grows without end', 'not found and count >= namesMax', 'false'],
      [
        'a name that ends is told as one that stays',
        "told[#told + 1] = name .. ' '\n",
        "told[#told + 1] = name .. ' 0'\n",
      ],
      ['what lasts longer is cut short', 'and lasts(found) >= lasts(value)', 'and false'],
      ['for ever is no time', "untilS == '0' and math.huge or", 'false or'],
      ['a name that comes twice is counted twice', '  if found == nil then found', '  if true then found'],
      ['whatever is of a name ends', "(value == '' or value == found)", 'true'],
      ['what has not changed is told', 'elseif found ~= value and', 'elseif'],
    ],
  ),
  ...mutantsOf(
    'lib/store/list-copy.ts',
    ['store/lists', 'store/bans'],
    [
      ['all is read each time', 'if (version === known || (await readChanges(version))) return', ''],
      ['a change that was missed is passed over', 'if (change.version !== next + 1) return false', ''],
      ['changes that are not there are taken for read', 'if (next < version) return false', ''],
      ['a long list is read without a rest', 'REST_TIMES * (endMs - startMs)', '0'],
      ['what was read by hand is forgotten never', '    forget() {\n      known = undefined\n', '    forget() {\n'],
    ],
  ),
  ...mutantsOf(
    'lib/store/list.ts',
    ['store/lists'],
    [
      ['what lasts is removed with what is over', 'untilValue(until) <= nowS', 'untilValue(until) <= nowS + 1e12'],
      ['a stop waits for all that are over', '        if (isStopping()) return removed\n', ''],
    ],
  ),
  ...mutantsOf(
    'services/cli/ban-import.ts',
    ['cli/ban-import'],
    [
      ['a list bans the tracker`s own machine', 'withPrivate ? { left', 'true ? { left'],
      [
        'a list that is imported again cuts short what is banned for ever',
        'at + CHANGED_AT_ONCE), true)',
        'at + CHANGED_AT_ONCE))',
      ],
      ['a dry run bans', 'options.dryRun ? compare', 'false ? compare'],
      ['a bad line is banned around though nothing should be', 'options.strict && read.bad.count > 0', 'false'],
    ],
  ),
]
