import { type Mutant, mutantsOf } from '../mutant.ts'

/** Faults in reading and writing what goes over the wire, and in what is decided of an announce. */
export const wireMutants: readonly Mutant[] = [
  ...mutantsOf(
    'lib/wire/udp-request.ts',
    ['unit/wire-udp-request'],
    [
      [
        'a connect without the second half of the protocol id is read',
        ' || datagram.readUInt32BE(4) !== PROTOCOL_ID_LOW',
        '',
      ],
      ['an announce of 97 bytes is read', 'datagram.length < ANNOUNCE_BYTES', 'datagram.length < ANNOUNCE_BYTES - 1'],
      ['a paused client (event 4) is taken for one that stopped', ': EVENT.none)', ': EVENT.stopped)'],
      ['numwant -1 is read as 4294967295', 'numwant: datagram.readInt32BE(92)', 'numwant: datagram.readUInt32BE(92)'],
      ['the port is read one byte too early', 'datagram.readUInt16BE(96)', 'datagram.readUInt16BE(95)'],
      [
        'the report begins one byte too late',
        'datagram.subarray(36, 36 + REPORT_BYTES)',
        'datagram.subarray(37, 37 + REPORT_BYTES)',
      ],
      ['a scrape is cut at 75 info hashes', 'SCRAPE_INFO_HASHES_MAX = 74', 'SCRAPE_INFO_HASHES_MAX = 75'],
      ['half an info hash at the end of a scrape counts', 'Math.floor((datagram.length', 'Math.ceil((datagram.length'],
      [
        'a scrape without an info hash is answered with nothing',
        "if (asked === 0) return unserved(datagram, transactionId, 'scrape without an info hash')\n",
        '',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/wire/udp-reply.ts',
    ['unit/wire-udp-reply'],
    [
      [
        'seeders and leechers change places in an announce reply',
        '  reply.writeUInt32BE(announce.leechers, 12)\n  reply.writeUInt32BE(announce.seeders, 16)',
        '  reply.writeUInt32BE(announce.seeders, 12)\n  reply.writeUInt32BE(announce.leechers, 16)',
      ],
      [
        'completed and leechers change places in a scrape reply',
        '    reply.writeUInt32BE(completed, at + 4)\n    reply.writeUInt32BE(leechers, at + 8)',
        '    reply.writeUInt32BE(leechers, at + 4)\n    reply.writeUInt32BE(completed, at + 8)',
      ],
      ['an IPv6 reply may be longer than one packet', 'PAYLOAD_BYTES_MAX_IPV6 = 1452', 'PAYLOAD_BYTES_MAX_IPV6 = 1472'],
      [
        'an error has the number of a scrape',
        'replyOf(ACTION.error, transactionId',
        'replyOf(ACTION.scrape, transactionId',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/wire/url-data.ts',
    ['unit/wire-url-data'],
    [
      [
        'only the first piece of the URL data is read',
        "text += datagram.toString('latin1'",
        "text = datagram.toString('latin1'",
      ],
      ['a no-op ends the options', 'option === OPTION.end', 'option <= OPTION.nop'],
      ['an option that claims to go past the datagram is read', ' || at + 2 + length > datagram.length', ''],
      ['URL data has no limit', ' && text.length < URL_BYTES_MAX', ''],
    ],
  ),
  ...mutantsOf(
    'lib/wire/connection-id.ts',
    ['unit/wire-connection-id'],
    [
      ['an id is good for half its lifetime', "age <= 2 ? 'valid'", "age <= 1 ? 'valid'"],
      ['an id is good for ever', "return age <= 2 ? 'valid' : 'expired'", "return 'valid'"],
      ['a clock that runs ahead makes forged ids', '+ WINDOWS + 1) % WINDOWS) - 1', '+ WINDOWS) % WINDOWS)'],
      ['only the window of an id is checked', '|| !matches(current - age, source, connectionId)', ''],
      [
        'an id is checked against the address of the first of the batch',
        'const at = source * BLOCK_BYTES - 1',
        'const at = 0 * source - 1',
      ],
      [
        'the port of a client counts',
        'copyBytes(source, 0, blocks, at + 12, 4)',
        'copyBytes(source, 0, blocks, at + 10, 6)',
      ],
      ['only the last byte of an id counts', 'difference |= ', 'difference = '],
      ['every window has the same key', '{window}`', '{0}`'],
    ],
  ),
  ...mutantsOf(
    'lib/wire/endpoint.ts',
    ['unit/wire-endpoint'],
    [
      [
        'an IPv4-mapped address stays IPv6',
        'return MAPPED.compare(bytes, 0, MAPPED.length) === 0 ? bytes.subarray(MAPPED.length) : bytes',
        'return bytes',
      ],
      [
        'octets over 255 are addresses',
        '  return bytes.every((byte) => byte < 256) ? bytes : undefined',
        '    return bytes',
      ],
      ['leading zeros are read as decimal', '^(0|[1-9]\\d{0,2})\\.', '^(\\d{1,3})\\.'],
      ['port 65536 is a port', 'port > 65535', 'port > 65536'],
      [
        'a changed port is written into the original',
        'const copy = Buffer.allocUnsafe(endpoint.length)',
        'const copy = endpoint',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/wire/query.ts',
    ['unit/wire-query', 'unit/wire-http-request'],
    [
      [
        '+ is read as a space',
        'let code = value.charCodeAt(i)',
        'let code = value[i] === "+" ? 32 : value.charCodeAt(i)',
      ],
      ['capital hex digits are malformed', 'const lower = code | 32', 'const lower = code'],
      ['a malformed escape is read', 'if (!(code <= 255)) return undefined', 'if (code > 255) return undefined'],
      [
        'of a name that comes twice the first value counts',
        'pairs[i - 1] === name)',
        'pairs[i - 1] === name && pairs.indexOf(name) === i - 1)',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/wire/http-request.ts',
    ['unit/wire-http-request'],
    [
      [
        'a client that does not say what is left is a seeder',
        "amountOf('left', given.left, UNKNOWN)",
        "amountOf('left', given.left, 0n)",
      ],
      ['port 0 is taken from everybody', 'event === EVENT.stopped ? 0 : 1', '0'],
      ['a peer that stops must name a port', 'event === EVENT.stopped ? 0 : 1', '1'],
      ['compact=0 is passed over', "compact !== '0'", 'true'],
      [
        'a parameter that comes twice is taken',
        'if (values[place] !== undefined) return refused',
        'if (place === READ.length) return refused',
      ],
      [
        'uploaded and downloaded change places',
        'makeReport(peerId, downloaded.value, left.value, uploaded.value)',
        'makeReport(peerId, uploaded.value, left.value, downloaded.value)',
      ],
      [
        'a scrape of 101 info hashes is answered',
        'values.length > HTTP_SCRAPE_INFO_HASHES_MAX',
        'values.length > HTTP_SCRAPE_INFO_HASHES_MAX + 1',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/wire/http-reply.ts',
    ['unit/wire-http-reply'],
    [
      ['a scrape reply is in the order asked', '  order.sort((a, b) => Buffer.compare(a.infoHash, b.infoHash))\n', ''],
      ['a swarm that is asked for twice is told twice', ' || last?.equals(infoHash)', ''],
      ['IPv6 peers are told as IPv4 ones', "ownIsIpv6 ? '0:6:peers6' : ''", "''"],
      ['complete and incomplete change places', '{reply.seeders}e10', '{reply.leechers}e10'],
      ['peer ids are told to those who want none', 'withPeerIds ? { ...place, ', 'peerId ? { ...place, '],
    ],
  ),
  ...mutantsOf(
    'lib/swarm/announce.ts',
    ['unit/announce'],
    [
      ['a peer that stops is told of peers', '    if (request.event === EVENT.stopped) return 0\n', ''],
      ['numwant 0 gets the default', 'request.numwant < 0 ?', 'request.numwant <= 0 ?'],
      [
        'the operator’s most peers is passed over',
        'Math.min(wanted, policy.numwantMax, peersMax)',
        'Math.min(wanted, peersMax)',
      ],
      [
        'a reply may have more peers than it has room for',
        'Math.min(wanted, policy.numwantMax, peersMax)',
        'Math.min(wanted, policy.numwantMax)',
      ],
      ['everybody is a leecher', 'isSeeder: reportsSeeder(request.report)', 'isSeeder: false'],
      ['the asker is told of itself', 'const end = withoutOwn(peers, own)', 'const end = peers.length'],
      [
        'an address across two peers is taken for the asker’s',
        'at < peers.length; at += width',
        'at < peers.length; at += 1',
      ],
      ['every reply begins with the first peer', 'Math.floor((random() * end) / width) * width', '0 * random()'],
      ['a window that goes round is cut off at the end', 'peers.copyWithin(end - bytes, 0, from + bytes - end)', ''],
      ['one peer too many', 'const bytes = numwant * width', 'const bytes = (numwant + 1) * width'],
      ['all clients come back at once', '(1 + INTERVAL_SPREAD * random())', '1'],
      [
        'peer ids are asked of a store that keeps none',
        'request.wantsPeerIds && policy.peerDetails',
        'request.wantsPeerIds',
      ],
    ],
  ),
  ...mutantsOf(
    'lib/swarm/refusal.ts',
    ['unit/announce'],
    [
      ['a torrent that is not listed is to be tried again', 'if (LASTING.has(refusal)) return undefined', ''],
      ['all who are refused come back at once', 'Math.floor(choices * random())', '0'],
    ],
  ),
]
