import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in what is read of proxies: whom they speak for, and who may. */
export const proxyMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/wire/proxy-header.ts',
    ['unit/wire-proxy-header'],
    [
      [
        'a line without its end is waited for without end',
        "? 'partial' : 'broken'\n  const length",
        "? 'partial' : 'partial'\n  const length",
      ],
      ['an IPv4 address passes for one of IPv6', " && from.includes(':')", ''],
      ['where a proxy connects to is not looked at', 'isIP(to) === 6 && ', ''],
      ['leading zeros are read', ' || (at > from + 1 && bytes[from] === ZERO)', ''],
      [
        'a line goes on behind its ports',
        'return at === end ? (source as Endpoint) : undefined',
        'return source as Endpoint',
      ],
      ['an address that is too short is read', "rest < ADDRESSES_BYTES.ipv6 ? 'broken' : ", ''],
      [
        'a proxy that speaks for itself is a client',
        'if (command === COMMAND.local) return { bytes: length, source: undefined }\n',
        '',
      ],
      ['an IPv4-mapped address stays one of IPv6', 'const skipped = isMapped ? MAPPED.length : 0', 'const skipped = 0'],
      ['a header may be as long as it likes', ' || length > PROXY_HEADER_BYTES_MAX', ''],
    ],
  ),
  ...mutantsOf(
    'services/udp/behind-proxies.ts',
    ['services/proxy-protocol'],
    [
      ['anybody is believed', '!isProxy(datagram.source)', 'false'],
      ['the address of a proxy is a peer', ' || isProxy(source)', ''],
      ['clients of both families are one batch', "isIpv6(source) ? 'ipv6'", "isIpv6(source) ? 'ipv4'"],
      ['an empty datagram has an answer', 'payload.length >= ANSWERED_BYTES_MIN', 'payload.length >= 0'],
      [
        'what has no answer keeps its proxy waiting',
        'if (unanswered.size > 0) send(',
        'if (unanswered.size < 0) send(',
      ],
      ['what has an answer has two', 'for (const { via } of replies) unanswered.delete(via as ViaProxy)\n', ''],
      [
        'replies go to the clients themselves',
        'function toProxy({ payload, via }: Datagram): Datagram {\n  const { proxy, via: own } = via as ViaProxy',
        'function toProxy({ payload, via, source: proxy }: Datagram): Datagram {\n  const { via: own } = via as ViaProxy',
      ],
    ],
  ),
  ...mutantsOf(
    'services/http/proxied-connections.ts',
    ['services/proxy-protocol', 'services/http-proxy'],
    [
      ['anybody is believed', 'if (peer && isProxy(peer)) readHeader(socket)', 'if (peer) readHeader(socket)'],
      ['what comes with a header is lost', 'if (bytes.length > 0) socket.unshift(bytes)\n', ''],
      [
        'a header must come in one piece',
        "if (header === 'partial' && bytes.length < PROXY_HEADER_BYTES_MAX) return\n",
        '',
      ],
      [
        'a broken header is served',
        'counters.proxy_broken += 1\n        socket.destroy()',
        'counters.proxy_broken += 1\n        handOver(socket)',
      ],
      ['a connection that has ended keeps its place', ".on('end', cut)", ''],
      ['a stop waits for requests', 'if (socket.bytesRead <= bytes) socket.destroy()', ''],
      ['a stop cuts off what is under way', '}, SILENT_MS_MAX)', '}, 0)'],
    ],
  ),
  ...mutantsOf(
    'services/udp/datagram.ts',
    ['services/proxy-protocol'],
    [['a header of anybody is answered', ' || hasProxyHeader(datagram)', '']],
  ),
]
