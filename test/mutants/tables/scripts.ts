import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in the scripts that Redis runs. */
export const scriptMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/store/lua/add_stats.lua',
    ['store/stats'],
    [
      ['a flush that comes again is added again', 'if number <= (tonumber', 'if number < (tonumber'],
      ['the number of a flush is kept for good', ", 'EX', rememberedS)", ')'],
      [
        'every second counter is left out',
        "for i = 3, #ARGV, 2 do redis.call('HINCRBY'",
        "for i = 3, #ARGV, 4 do redis.call('HINCRBY'",
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/mark_served.lua',
    ['services/sweeper'],
    [
      ['an outage is not seen', 'now - served <= sweepIntervalS', 'now - served <= 1e9'],
      ['the end of an outage makes nobody wait', 'now + announceIntervalS)', 'now)'],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/sweep_permit.lua',
    ['store/sweep-times', 'services/sweeper'],
    [
      [
        'peers are swept in the middle of an outage',
        'if now - served > sweepIntervalS then hold = now + announceIntervalS end\n',
        '',
      ],
      ['peers are swept right after an outage', 'now >= hold and 1 or now - hold', '1'],
      ['a sweep is not marked', "'swept', now, 'hold', hold", "'hold', hold"],
    ],
  ),
  ...mutantsOf(
    'lib/store/lua/scrape.lua',
    ['store/announce', 'services/udp'],
    [
      [
        'a scrape is answered in the opposite order',
        "heads[i] = redis.pcall('HGET'",
        "heads[#keys / keyBytes + 1 - i] = redis.pcall('HGET'",
      ],
      ['one damaged swarm fails a whole scrape', "redis.pcall('HGET'", "redis.call('HGET'"],
    ],
  ),
]
