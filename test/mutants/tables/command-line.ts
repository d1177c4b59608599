import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in the commands for operators, and in the client of trackers. */
export const commandLineMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/wire/http-answer.ts',
    ['unit/wire-http-answer', 'cli/hostile'],
    [
      ['what is cut off is read', 'return end === bytes.length ? entries : undefined', 'return entries'],
      [
        'half a peer is passed over',
        "  if (compact.length % endpointBytes !== 0)\n    return refused('the peers do not fill whole endpoints: the answer is cut off')\n",
        '',
      ],
    ],
  ),
  ...mutantsOf(
    'services/cli/client/udp.ts',
    ['cli/hostile'],
    [
      ['an answer to another request is taken', 'reply.readUInt32BE(4) !== transactionId', 'transactionId < 0'],
      ['a datagram that is lost is not sent again', '    timer = setTimeout(send, nextMs, 2 * nextMs)\n', ''],
      [
        'an error reply is no refusal',
        "if (value.action === ACTION.error) return failed('refused', value.message)\n",
        '',
      ],
    ],
  ),
  ...mutantsOf(
    'services/cli/client/options.ts',
    ['cli/client'],
    [['a check leaves a peer behind', 'event: EVENT.stopped satisfies Event', 'event: EVENT.started satisfies Event']],
  ),
  ...mutantsOf(
    'services/cli/client/told.ts',
    ['cli/hostile'],
    [
      [
        'what a tracker wrote goes to the terminal raw',
        'printable(reason.slice(0, REASON_CHARS_MAX))',
        'reason.slice(0, REASON_CHARS_MAX)',
      ],
    ],
  ),
  ...mutantsOf(
    'services/cli/doctor/tracker-findings.ts',
    ['unit/doctor-findings'],
    [
      [
        'drift that was repaired is drift still',
        'const left = audit.drift - audit.repaired',
        'const left = audit.drift',
      ],
    ],
  ),
  ...mutantsOf(
    'services/cli/doctor/redis-measures.ts',
    ['unit/doctor-findings'],
    [
      [
        'appendfsync is judged where there is no append-only file',
        "if (settings.get('appendonly') === 'no') return []\n",
        '',
      ],
    ],
  ),
  ...mutantsOf(
    'services/cli/redis.ts',
    ['cli/top'],
    [['a live view goes on without a reader', 'resolve(!error)', 'resolve(true)']],
  ),
  ...mutantsOf(
    'services/cli/top/top.ts',
    ['cli/top'],
    [['a live view waits for a Redis that hangs', 'Promise.race([step(), ended])', 'step()']],
  ),
  ...mutantsOf(
    'services/cli/top/screen.ts',
    ['cli/top'],
    [
      ['the terminal is not given back', '    write(LEAVE)\n', ''],
      ['lines are longer than the terminal', 'const cut = text.slice(0, width)', 'const cut = text'],
    ],
  ),
  ...mutantsOf(
    'services/cli/operate/status-text.ts',
    ['failover/master-dead', 'failover/start-away'],
    [['sums are told as those of all', "away.all.length > 0 ? [paint('red',", "away.all.length > 1e9 ? [paint('red',"]],
  ),
  ...mutantsOf(
    'services/cli/operate/status-text.ts',
    ['unit/status-text'],
    [
      ['a narrow column is filled', 'columns - at >= LISTENS_WIDTH_MIN', 'columns > at'],
      ['what listens nowhere is left out', '...lines.slice(1)]', '...lines.slice(1)].filter(() => first)'],
      ['an address is broken in two', 'split(/(?<=,) /)', "split(' ')"],
    ],
  ),
]
