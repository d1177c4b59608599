import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in what keeps one client from the share of others. */
export const limitMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/swarm/token-buckets.ts',
    ['unit/token-buckets'],
    [
      ['the one that asks most may be forgotten first', 'if (used < leastUsed) {', 'if (used > leastUsed) {'],
      [
        'a clock that goes back fills buckets',
        'nowS - (states[entry + 1] as number)',
        'Math.abs(nowS - (states[entry + 1] as number))',
      ],
      ['all ports of an address have one bucket', 'if (isPerPort) high = mix(high, portOf(endpoint))', ''],
      ['an address of IPv6 has all of its network', 'isV6 ? 4 : 0', '0'],
    ],
  ),
  ...mutantsOf(
    'lib/swarm/address-rates.ts',
    ['unit/address-rates'],
    [
      ['a forger uses up the connects of another', 'endpoints.take(source, nowS) || ', ''],
      ['a connect takes of the rate of announces', 'connects.take(source, nowS) ||', 'requests?.take(source, nowS) ||'],
      ['nobody is exempt', '      isExempt(source) ||\n', ''],
      ['a scrape is one request', 'Math.max(1, Math.ceil(infoHashes / SCRAPED_PER_REQUEST))', '1'],
      ['a long scrape is never served', 'Math.min(count, requestsPerS * burstS)', 'count'],
      ['an address is told again and again', 'perS: 1 / TOLD_EVERY_S, burst: 1', 'perS: 1 / TOLD_EVERY_S, burst: 9'],
      ['the log names whoever sent last', 'Buffer.from(example) as Endpoint', 'example'],
      ['what was held back is told again', '      heldBack = undefined\n', ''],
    ],
  ),
  ...mutantsOf(
    'lib/swarm/early-announces.ts',
    ['unit/early-announces'],
    [
      ['one more is let off', '(state & EARLY_COUNT_MAX) >= max', '(state & EARLY_COUNT_MAX) > max'],
      ['a restart is punished', 'request.event === EVENT.none ?', 'true ?'],
      ['who is exempt is punished', ' || isExempt(request.sender)', ''],
      ['one early announce is punished for ever', '< minIntervalS) return entry', '< 2 ** 30) return entry'],
      [
        'the one that comes early most often is forgotten first',
        '(state & EARLY_COUNT_MAX) * (',
        '-(state & EARLY_COUNT_MAX) * (',
      ],
      ['clients behind one address and port are one', 'const PEER_ID_AT = 12', 'const PEER_ID_AT = 0'],
      ['all ports of an address are one', ' ^ portOf(endpoint)', ''],
      ['all swarms of a peer are one', 'wordAt(infoHash, 0) ^ ', ''],
      ['a refused announce counts', 'else table[entry + 1] = state - 1', ''],
      ['the first announce counts though it was refused', ' === 0) table[entry] = 0', ' === 0) return'],
    ],
  ),
  ...mutantsOf(
    'lib/swarm/announce-interval.ts',
    ['unit/announce-interval'],
    [
      ['the interval grows without end', 'Math.min(intervalMaxS, nowS * GROWTH)', 'nowS * GROWTH'],
      ['the interval shrinks without end', 'Math.max(intervalS, nowS * RETURN)', 'nowS * RETURN'],
      ['a few slow answers are an overload', 'answered + lost >= ANNOUNCES_LEAST &&', ''],
      ['an overload is told by its sum', 'waitedS > WAIT_S_MAX * answered', 'waitedS > WAIT_S_MAX'],
      ['what is refused or dropped is no overload', ' || lost > LOST_SHARE_MAX * (answered + lost)', ''],
    ],
  ),
  ...mutantsOf(
    'services/announce-load.ts',
    ['unit/announce-interval'],
    [
      ['an overload lasts for ever', '    before = now\n', ''],
      ['scrapes make an overload', 'measures.announcesBusy + ', 'counters.store_busy + '],
    ],
  ),
  ...mutantsOf(
    'services/parts.ts',
    ['unit/announce-interval'],
    [
      [
        'peers that were told the interval of an overload are swept after an outage',
        'settings.limits.announceIntervalMaxS',
        'settings.announceIntervalS',
      ],
    ],
  ),
  ...mutantsOf(
    'services/udp/datagram.ts',
    ['unit/datagram'],
    [
      [
        'a forger uses up the rate of an address',
        '  const standing = work.ids.check(',
        '  rates?.admits(datagram.source, work.nowS, 1)\n  const standing = work.ids.check(',
      ],
      [
        'connects are answered at any rate',
        'if (rates?.admitsConnect(datagram.source, work.nowS) === false) {',
        'if (false) {',
      ],
      [
        'announces are answered at any rate',
        'if (rates?.admits(datagram.source, work.nowS, requests) === false) {',
        'if (false) {',
      ],
      [
        'each datagram over a rate is answered',
        'request.action === ACTION.error || !rates?.isToBeTold(source, work.nowS)',
        'request.action === ACTION.error',
      ],
    ],
  ),
  ...mutantsOf(
    'services/http/request.ts',
    ['services/limits'],
    [
      [
        'who asks too much is not told when to come again',
        'refusal(OVER_RATE, someMinutesS(random))',
        'refusal(OVER_RATE, undefined)',
      ],
      ['nobody is told to come later', 'const warning = outcome.waitS > 0 ?', 'const warning = outcome.waitS < 0 ?'],
    ],
  ),
]
