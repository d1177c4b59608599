import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in what keeps clients of HTTP from the share of others. */
export const hostileHttpMutants: readonly Mutant[] = [
  ...mutantsOf(
    'services/http/connections.ts',
    ['unit/http-connections', 'services/http-connections'],
    [
      ['connections have no limit', 'if (connections.size >= connectionsMax', 'if (connections.size < 0'],
      ['an address may have any number of connections', 'address.open >= perAddressMax', 'address.open < 0'],
      ['an address may have one connection more', 'address.open >= perAddressMax', 'address.open > perAddressMax'],
      ['exempt addresses have the limit of all', 'source && !isExempt(source)', 'source'],
      [
        'a connection whose request is in work is closed',
        '      takeOut(connection.ofAll)\n      takeOut(connection.ofAddress)\n      return connection',
        '      return connection',
      ],
      [
        'a connection falls idle with the first of its answers',
        'connection.inWork === 0 && connection.isOpen',
        'connection.isOpen',
      ],
      [
        'a connection that was closed falls idle',
        'connection.inWork === 0 && connection.isOpen',
        'connection.inWork === 0',
      ],
      ['what was closed still counts for its address', '    address.open -= 1\n', ''],
      ['a new connection is closed in the place of an idle one', 'return oldest !== undefined', 'return false'],
      ['what is closed is not counted', '    counters.http_connections_closed += 1\n', ''],
      ['each closed connection is a line of the log', 'if (closed === 0) return\n', ''],
      [
        'requests that nobody reads the answers of wait without a limit',
        'connection.pipelined >= PIPELINED_MAX || pipelined >= PIPELINED_OF_ALL_MAX',
        'pipelined < 0',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/wire/endpoint.ts',
    ['unit/http-connections'],
    [['each address of IPv6 has connections of its own', 'IPV6_CLIENT_BYTES = 8', 'IPV6_CLIENT_BYTES = 16']],
  ),
  ...mutantsOf(
    'lib/observe/news.ts',
    ['unit/news', 'store/refusals', 'services/api-attempts'],
    [
      ['news are told each time', 'now < known.quietUntilMs', 'false'],
      ['any number of names is told of', 'if (!known && !hasRoom(now)) return 0\n', ''],
      [
        'what was told once keeps others from being told',
        'if (quietUntilMs <= now) told',
        'if (quietUntilMs < 0) told',
      ],
      ['what is told again is told as if it came up once', '1 + (known?.untold ?? 0)', '1'],
    ],
  ),
  ...mutantsOf(
    'services/http/idle-ring.ts',
    ['unit/http-connections'],
    [['the newest makes room', 'ring.after.of', 'ring.before.of']],
  ),
  ...mutantsOf(
    'services/http/open-files.ts',
    ['unit/http-connections'],
    [['no file is left for all else', 'filesMax - KEPT', 'filesMax']],
  ),
  ...mutantsOf(
    'services/http/app.ts',
    ['services/http-connections'],
    [
      ['connections are not limited', '  limitConnections(app.server, connections)\n', ''],
      ['no request is in work', 'connections.begin(request.socket)', 'undefined'],
    ],
  ),
  ...mutantsOf(
    'lib/http-server-guard.ts',
    ['services/http-connections'],
    [['who is refused and does not close stays', '  setTimeout(() => socket.destroy(), LINGER_MS).unref()\n', '']],
  ),
  ...mutantsOf(
    'services/api/attempts.ts',
    ['services/api-attempts'],
    [
      ['wrong tokens have no limit', 'buckets.take(client.source, nowS())', '{}'],
      ['all that a proxy of this machine brings is exempt', '!isDirect || !isExempt(source)', '!isExempt(source)'],
      ['each wrong token is a line of the log', 'if (attempts === 0) return\n', ''],
    ],
  ),
  ...mutantsOf(
    'services/api/auth.ts',
    ['services/api-attempts'],
    [
      ['a right token is served among too many wrong ones', '(!holder || holders.get(socket) !== holder)', '!holder'],
      ['who has a token finds out others by it', 'holders.get(socket) !== holder)', '!holders.has(socket))'],
      ['a dashboard that is open is shut', '(!holder || holders.get(socket) !== holder)', 'true'],
      ['a proxy`s connection is one client`s', 'if (client?.isDirect) holders', 'if (client) holders'],
      ['all clients of a proxy are one', 'forwardedFor(header, remotePort, isProxy) ?? sender', 'sender'],
    ],
  ),
  ...mutantsOf(
    'lib/http-server-guard.ts',
    ['services/api-headers'],
    [['browsers keep answers', "  ['cache-control', 'no-store'],\n", '']],
  ),
  ...mutantsOf(
    'lib/store/private-redis.ts',
    ['store/private-redis-access'],
    [['all may read what the private Redis writes', 'process.umask(0o077)', 'process.umask(0o022)']],
  ),
  ...mutantsOf(
    'services/cli/doctor/secret-files.ts',
    ['unit/doctor-secrets'],
    [
      ['a secret that all can read is fine', '(statSync(real).mode & READ) === 0', 'true'],
      ['a folder that nobody can go through is not looked at', '(statSync(folder).mode & PASS) === 0', 'false'],
    ],
  ),
]
