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
      ['a connection that stays silent is kept', 'return void giveUp(new Error(LATE))', 'return'],
      ['what came while the process stood still is late', 'void setImmediate(onLate, call)', 'onLate(call)'],
      ['nobody tells who waits that the connection is lost', 'endCall()?.reject(lost as Error)', 'endCall()'],
      ['each store has a connection of its own', '  connections.set(redis, connection)\n', ''],
      ['it outlives the connection that it is beside', "  redis.once('end', () => own.disconnect())\n", ''],
      ['what is no reply is passed over', 'taken.destroy(error as Error)', ''],
      [
        'what a full system buffer holds is done after it was refused',
        '!stream.writableEnded',
        '!stream.writableEnded && stream.writableLength === 0',
      ],
      ['one that is being ended is reset', ' && !stream.writableEnded', ''],
      [
        'a second reason takes the place of the first',
        'if (!stream || stream.destroyed) return',
        'if (!stream) return',
      ],
      [
        'an error ends what is to be reset',
        '    stream.resetAndDestroy()\n',
        "    if (reason) own.emit('error', reason)\n    stream.resetAndDestroy()\n",
      ],
    ],
  ),
  ...mutantsOf(
    'services/cli/processes.ts',
    ['cli/processes'],
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
    ['cli/processes'],
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
    'lib/store/sentinel-watch.ts',
    ['failover/sentinel-failover', 'failover/promoted'],
    [
      [
        'a replica that is promoted is not gone to before all Sentinels know of it',
        '    if (channel === PROMOTES && words[5] === options.name) goToPromoted(at(2), at(6))\n',
        '',
      ],
      ['one that no Sentinel has seen promoted is kept', '      if (!own.isConfirmed) goTo(master)\n', ''],
      ['one that they have seen promoted is left', 'promoted.isConfirmed = true', 'promoted.isConfirmed = false'],
      ['the word of one Sentinel counts for good', '      promoted = undefined\n      // The one', '      // The one'],
    ],
  ),
  ...mutantsOf(
    'lib/store/connect.ts',
    ['failover/sentinel'],
    [['what waits for jobs stays at a master that is left', '      followMaster(waiting, options, redis)\n', '']],
  ),
  ...mutantsOf(
    'lib/store/connect.ts',
    ['failover/failover'],
    [['what waits for jobs at a master that hangs stays there', 'slotsRefreshInterval: PATIENT_SLOTS_EVERY_MS, ', '']],
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
    ['store/pulse', 'failover/redis-away'],
    [
      ['each beat has a line in the log', 'if (causes.get(node) === cause) return', ''],
      ['each beat while it is ill begins a row of beats', '    clearTimeout(again)\n', ''],
      ['a loss between two beats is told nowhere', "  redis.on('reconnecting', () => void beat())\n", ''],
    ],
  ),
  ...mutantsOf(
    'lib/store/pulse.ts',
    ['store/cluster'],
    [['a Cluster that refuses all is well', "includes('cluster_state:fail')", "includes('no such text')"]],
  ),
  ...mutantsOf(
    'lib/store/client.ts',
    ['store/connect'],
    [
      [
        'one that may not into its database is in the first',
        "error.command?.name === 'select'",
        "error.command?.name === ''",
      ],
    ],
  ),
  ...mutantsOf(
    'lib/store/script-connection.ts',
    ['store/connect'],
    [['scripts are run in the first database', '  needDatabase(own)\n', '']],
  ),
  ...mutantsOf(
    'lib/config/redis-url.ts',
    ['unit/redis-url'],
    [
      ['a user is taken as it is written', 'username: decoded(username)', 'username'],
      ['an address is a name of TLS', 'isIP(host) === 0 ? { servername', 'host ? { servername'],
      ['Sentinels are asked without TLS', 'enableTLSForSentinelMode: true', 'enableTLSForSentinelMode: false'],
      ['a query may say nothing', "value === '' || ", ''],
      ['the last of two counts', ' || queries[name] !== undefined', ''],
      ['users of several hosts are one password', 'ANOTHER_USER.test(password)', 'false'],
      ['what may be a password is shown', "'a database is a number'", 'text'],
    ],
  ),
  ...mutantsOf(
    'lib/store/connect.ts',
    ['store/connect'],
    [
      ['one that stays a replica is left again and again', 'nowMs - leftMs < LEFT_EVERY_MS', 'false'],
      ['a name that leads to a replica is kept to', '(!sentinels && !isName)', '!sentinels'],
      ['what cannot be sent waits', '  enableOfflineQueue: false,\n  autoResend', '  autoResend'],
    ],
  ),
  ...mutantsOf(
    'lib/store/nodes.ts',
    ['failover/failover'],
    [
      [
        'a connection to a former master is kept',
        '      masters.delete(name)\n      leave(redis)\n',
        '      masters.delete(name)\n',
      ],
      [
        'a former master is left before it has answered',
        "    if (redis.status === 'ready') leaving.set(",
        "    if (redis.status === 'wait') leaving.set(",
      ],
      ['a former master outlives the connection to the Cluster', ', ...leaving.keys()', ''],
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
