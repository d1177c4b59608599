import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in where peers may be, and in whose word of it counts. */
export const addressMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/wire/address-kind.ts',
    ['unit/peer-address'],
    [
      ['reserved addresses of IPv4 are hosts', 'first >= IPV4_MULTICAST', 'first >> 4 === 0xe'],
      ['the last public network of IPv4 is nobody’s', 'IPV4_MULTICAST = 0xe0', 'IPV4_MULTICAST = 0xdf'],
      [
        'all of 0::/8 is nobody’s',
        '(first === 0 && endpoint.subarray(0, -2).every((byte) => byte === 0))',
        'first === 0',
      ],
      ['of an unspecified address, the port counts', 'endpoint.subarray(0, -2).every', 'endpoint.every'],
      ['addresses of a link are public', "  'linkLocal',\n", ''],
    ],
  ),
  ...mutantsOf(
    'lib/swarm/peer-address.ts',
    ['unit/peer-address', 'services/addresses'],
    [
      ['a peer must stop at an address of its own', '    if (event === EVENT.stopped) return undefined\n', ''],
      ['the least port is refused', 'portOf(endpoint) < portMin', 'portOf(endpoint) <= portMin'],
      ['who asks from a private address may not be at one', ' && !isLocal(sender)', ''],
      [
        'a private address may be named by anybody',
        '!keepsPrivatePeers && isLocal(endpoint)',
        'false && isLocal(endpoint)',
      ],
      ['an address of another family may be named', 'isIpv6(endpoint) !== isIpv6(sender)', 'isIpv6(sender) && false'],
      [
        'a banned address may be named',
        'isBanned(endpoint) ? BANNED : undefined',
        'isBanned(endpoint) ? undefined : undefined',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/wire/endpoint.ts',
    ['unit/peer-address', 'services/addresses'],
    [
      [
        'of an address, the first byte does not count',
        'let i = one.length - 3; i >= 0',
        'let i = one.length - 3; i > 0',
      ],
      ['the port counts as a part of the address', 'let i = one.length - 3', 'let i = one.length - 1'],
    ],
  ),
  ...mutantsOf(
    'lib/wire/http-request.ts',
    ['unit/wire-http-request'],
    [
      [
        'of two addresses that are named, the first counts',
        "  if (another !== undefined) return refused('ip is given more than once')\n",
        '',
      ],
      ['what is no address is passed over', ": refused('ip must be an IP address')", ': parsed(undefined)'],
    ],
  ),
  ...mutantsOf(
    'services/http/request.ts',
    ['services/addresses'],
    [
      [
        'anybody may name an address over HTTP',
        'mayNameAddress?.(source) ? parseHttpIp',
        'mayNameAddress ? parseHttpIp',
      ],
      ['nobody may name an address over HTTP', 'named.value ?? withPort', 'undefined ?? withPort'],
      ['a client is told the address that it named', 'client: source,', 'client: endpoint,'],
    ],
  ),
  ...mutantsOf(
    'services/udp/datagram.ts',
    ['services/forged-ids'],
    [
      [
        'a valid id is served as long as its address may have errors',
        "if (standing !== 'valid') {",
        "if (standing !== 'valid' || !errorBudget(datagram.source, 'forged', work.nowS)) {",
      ],
    ],
  ),
  ...mutantsOf(
    'services/udp/datagram.ts',
    ['services/addresses'],
    [
      ['anybody may name an address over UDP', ' && mayNameAddress?.(source)', ''],
      ['a datagram of IPv6 names an address of IPv4', ' && !isIpv6(source) && mayName', ' && mayName'],
      ['a client that names no address is at none', 'request.ip !== 0 && ', ''],
    ],
  ),
]
