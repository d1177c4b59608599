import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in the functions that show people what is in Redis, and in how they get there. */
export const peopleMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/store/lua/redswarm.lua',
    ['store/people-functions', 'store/people-tables', 'store/people-damage'],
    [
      ['the next page begins where this one did', 'limit, offset + limit)\n  end\n', 'limit, offset)\n  end\n'],
      [
        'an error of Lua’s own is what is shown',
        'local ran, lines, problem = pcall(show, keys, args)',
        'local ran, lines, problem = true, show(keys, args)',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/people_peers.lua',
    ['store/people-functions', 'store/people-damage'],
    [
      [
        'uploaded and downloaded change places',
        'bytesText(left), bytesText(uploaded), bytesText(downloaded)',
        'bytesText(left), bytesText(downloaded), bytesText(uploaded)',
      ],
      ['peers are passed over once for each chunk', 'offset = math.max(0, offset - size)', 'offset = offset'],
      ['a swarm may have any number of chunks', 'if looked == CHUNKS_LOOKED_MAX then return rows, true end', ''],
      ['the lists of seeders are not shown', 'LISTS_IN_ORDER = { 1, 3, 0, 2 }', 'LISTS_IN_ORDER = { 0, 2 }'],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/endpoint_text.lua',
    ['store/people-functions'],
    [
      [
        'the last of the longest runs of zeros becomes ::',
        'if last - i > length then',
        'if last - i >= length and last > i + 1 then',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/include/people_text.lua',
    ['store/people-functions', 'store/people-damage'],
    [['a peer id may hold what a terminal takes for a command', "'[^\\32-\\126]'", "'[\\128-\\255]'"]],
  ),
  ...mutantsOf(
    'lib/store/lua/include/people_usage.lua',
    ['store/people-damage', 'store/people-tables'],
    [
      [
        'the prefix of a wrong key is left out of what to type',
        "local key = (prefix or '') .. 'torrents:{'",
        "local key = 'torrents:{'",
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/people-library.ts',
    ['store/people-library'],
    [
      ['the library is loaded though it is there', 'if ((await loadedText(redis)) !== text) await', 'await'],
      ['a Redis that comes back empty stays without it', "    node.on('ready', () => void load(node))\n", ''],
      ['what cannot be loaded is told each time', ' || problem === told', ''],
      ['who may not list libraries gets none', '    if (isRedisReply(error)) return undefined\n', ''],
    ],
  ),
]
