import { type Mutant, mutantsOf } from '../mutant.ts'

/** Of the connection that scripts go over, and of processes that share a port. */
export const connectionMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/store/resp.ts',
    ['unit/resp', 'store/script-connection'],
    [
      ['a nil is an empty string', 'if (length < 0) return null', 'if (length < 0) return EMPTY'],
      ['what has not come whole is lost', 'EMPTY : bytes.subarray(end)', 'EMPTY : EMPTY'],
      ['a reply has no limit', '      if (bytes.length > REPLY_BYTES_MAX) throw notAReply()\n', ''],
      ['a number has no limit', 'digit > 9 || number > REPLY_BYTES_MAX', 'digit > 9'],
      ['letters are digits', 'digit < 0 || digit > 9 ||', 'digit < 0 ||'],
      ['elements have no limit', 'count >= 0 && count <= ELEMENTS_MAX', 'count >= 0'],
      ['a length is of characters', '$${Buffer.byteLength(arg)}', '$${arg.length}'],
      ['a buffer that is under way is written over', '(isUsual && free.pop())', '(isUsual && free[0])'],
      ['a buffer is of no more use', 'free.length < KEPT_BUFFERS_MAX', 'free.length < 0'],
    ],
  ),
  ...mutantsOf(
    'lib/store/script-connection.ts',
    ['store/script-connection', 'services/udp-limits'],
    [
      ['an error is an answer', 'if (!(reply instanceof ReplyError)) return', 'return'],
      ['a call that is late loses its place', 'call.isLate = true\n', 'call.isLate = true\n    calls.shift()\n'],
      ['a connection that stays silent is kept', 'return void stream?.destroy(new Error(LATE))', 'return'],
      ['nobody tells who waits that the connection is lost', 'endCall()?.reject(lost as Error)', 'endCall()'],
      ['each store has a connection of its own', '  connections.set(redis, connection)\n', ''],
      ['it outlives the connection that it is beside', "  redis.once('end', () => own.disconnect())\n", ''],
      ['what is no reply is passed over', 'taken.destroy(error as Error)', ''],
    ],
  ),
  ...mutantsOf(
    'services/cli/processes.ts',
    ['services/processes'],
    [
      [
        'a process that has ended is not started again',
        'if (signal.aborted) return\n    member = await start(number)',
        'return',
      ],
      [
        'one that does not start is taken for one that does',
        'if (member.ended === undefined) return member\n',
        'return member\n',
      ],
      ['a stop waits for no process', '        await Promise.all(kept)\n', ''],
      ['a process that does not stop is left', "['SIGTERM', 'SIGKILL'] as const", "['SIGTERM'] as const"],
      ['the last ones outlive a way out without a stop', "  process.once('exit', killAll)\n", ''],
    ],
  ),
  ...mutantsOf(
    'services/cli/claim-listens.ts',
    ['services/processes'],
    [
      [
        'an address that another has is taken',
        '  socket.bind(listen.port, address)\n',
        '  socket.bind({ port: listen.port, address, reusePort: true })\n',
      ],
      [
        'each process has a port of its own where port 0 is asked for',
        'return { listen: { address, port }, release: () => once(socket',
        'return { listen, release: () => once(socket',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/away-cause.ts',
    ['failover/redis-away'],
    [
      ['a Redis that hangs is away', "if (IS_LATE.test(message)) return 'slow'", ''],
      ['one that loads is away', "if (message.endsWith('LOADING')) return 'loading'", ''],
    ],
  ),
  ...mutantsOf(
    'lib/store/pulse.ts',
    ['failover/redis-away'],
    [
      ['each beat has a line in the log', 'if (causes.get(node) === cause) return', ''],
      ['a loss between two beats is told nowhere', "  redis.on('reconnecting', () => void beat())\n", ''],
    ],
  ),
  ...mutantsOf(
    'lib/udp/linux/linux-socket.ts',
    ['services/udp-stop'],
    [
      [
        'a socket that stops keeps its part of the clients',
        'if (sharesPort) leaveOthers(libc, fd, family, endpoint)',
        '',
      ],
    ],
  ),
]
