import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  PEERS_MAX_IPV4,
  PEERS_MAX_IPV6,
  parseUdpReply,
  type UdpReply,
  writeAnnounceReply,
  writeConnectReply,
  writeErrorReply,
  writeScrapeReply,
} from '../../lib/wire/udp-reply.ts'
import { ACTION } from '../../lib/wire/udp-request.ts'

const hex = (...parts: string[]): Buffer => Buffer.from(parts.join(''), 'hex')
const u32Arb = fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff))
const bytesArb = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength, maxLength, size: 'max' }).map((bytes) => Buffer.from(bytes))
const countsArb = fc.record({ seeders: u32Arb, completed: u32Arb, leechers: u32Arb })

function read(datagram: Buffer): UdpReply {
  const parsed = parseUdpReply(datagram)
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.value
}

describe('a UDP connect reply', () => {
  it('is the 16 bytes of BEP 15', () => {
    const reply = hex('00000000', '89abcdef', '0102030405060708')
    expect(writeConnectReply(0x89abcdef, hex('0102030405060708'))).toEqual(reply)
    expect(read(reply)).toEqual({
      action: ACTION.connect,
      transactionId: 0x89abcdef,
      connectionId: hex('0102030405060708'),
    })
    expect(read(Buffer.concat([reply, hex('09')]))).toEqual(read(reply))
  })

  it('comes through writing and reading as it was', () => {
    fc.assert(
      fc.property(u32Arb, bytesArb(8, 8), (transactionId, connectionId) => {
        const reply = writeConnectReply(transactionId, connectionId)
        expect(read(reply)).toEqual({ action: ACTION.connect, transactionId, connectionId })
      }),
    )
  })
})

describe('a UDP announce reply', () => {
  it('is 20 bytes where there are no peers', () => {
    const fields = { intervalS: 1800, leechers: 3, seeders: 2, peers: hex() }
    const reply = writeAnnounceReply(7, fields)
    expect(reply).toHaveLength(20)
    expect(read(reply)).toEqual({ action: ACTION.announce, transactionId: 7, ...fields })
  })

  it('is 20 bytes and 6 for each IPv4 peer, as in BEP 15', () => {
    const peers = hex('c0000201', '1ae1', 'c0000202', '1ae2')
    const reply = hex('00000001', '89abcdef', '00000708', '00000003', '00000002', 'c00002011ae1', 'c00002021ae2')
    const fields = { intervalS: 1800, leechers: 3, seeders: 2, peers }
    expect(writeAnnounceReply(0x89abcdef, fields)).toEqual(reply)
    expect(read(reply)).toEqual({ action: ACTION.announce, transactionId: 0x89abcdef, ...fields })
  })

  it('comes through writing and reading as it was', () => {
    const fieldsArb = fc.record({ intervalS: u32Arb, leechers: u32Arb, seeders: u32Arb, peers: bytesArb(0, 1452) })
    fc.assert(
      fc.property(u32Arb, fieldsArb, (transactionId, fields) => {
        const reply = writeAnnounceReply(transactionId, fields)
        expect(read(reply)).toEqual({ action: ACTION.announce, transactionId, ...fields })
      }),
    )
  })

  it('has room for as many peers as fit one packet at an MTU of 1500, and no more', () => {
    const bytesOf = (peers: number, width: number) =>
      writeAnnounceReply(0, { intervalS: 0, leechers: 0, seeders: 0, peers: Buffer.alloc(peers * width) }).length
    expect(bytesOf(PEERS_MAX_IPV4, 6)).toBeLessThanOrEqual(1500 - 20 - 8)
    expect(bytesOf(PEERS_MAX_IPV4 + 1, 6)).toBeGreaterThan(1500 - 20 - 8)
    expect(bytesOf(PEERS_MAX_IPV6, 18)).toBeLessThanOrEqual(1500 - 40 - 8)
    expect(bytesOf(PEERS_MAX_IPV6 + 1, 18)).toBeGreaterThan(1500 - 40 - 8)
  })
})

describe('a UDP scrape reply', () => {
  it('is 8 bytes and seeders, completed and leechers of each swarm, as in BEP 15', () => {
    const reply = hex('00000002', '89abcdef', '00000005', '00000032', '0000000a', '00000000', '00000000', '00000001')
    const counts = [
      { seeders: 5, completed: 50, leechers: 10 },
      { seeders: 0, completed: 0, leechers: 1 },
    ]
    expect(writeScrapeReply(0x89abcdef, counts)).toEqual(reply)
    expect(read(reply)).toEqual({ action: ACTION.scrape, transactionId: 0x89abcdef, counts })
  })

  it('comes through writing and reading as it was, with 1 to 74 swarms', () => {
    fc.assert(
      fc.property(
        u32Arb,
        fc.array(countsArb, { minLength: 1, maxLength: 74, size: 'max' }),
        (transactionId, counts) => {
          expect(read(writeScrapeReply(transactionId, counts))).toEqual({
            action: ACTION.scrape,
            transactionId,
            counts,
          })
        },
      ),
    )
  })

  it('is read up to its last whole swarm', () => {
    const counts = [{ seeders: 1, completed: 2, leechers: 3 }]
    const reply = Buffer.concat([writeScrapeReply(7, counts), Buffer.alloc(11)])
    expect(read(reply)).toEqual({ action: ACTION.scrape, transactionId: 7, counts })
  })
})

describe('a UDP error', () => {
  it('is 8 bytes and the message, as in BEP 15', () => {
    const reply = hex('00000003', '89abcdef', '6f6f7073')
    expect(writeErrorReply(0x89abcdef, 'oops')).toEqual(reply)
    expect(read(reply)).toEqual({ action: ACTION.error, transactionId: 0x89abcdef, message: 'oops' })
  })

  it('comes through writing and reading as it was, in any language', () => {
    fc.assert(
      fc.property(u32Arb, fc.string({ unit: 'grapheme', maxLength: 200 }), (transactionId, message) => {
        expect(read(writeErrorReply(transactionId, message))).toEqual({ action: ACTION.error, transactionId, message })
      }),
    )
  })
})

describe('any other datagram of a tracker', () => {
  it.each([
    ['shorter than a head', hex('00000003', '89abcd')],
    ['a connect reply of 15 bytes', hex('00000000', '89abcdef', '01020304050607')],
    ['an announce reply of 19 bytes', hex('00000001', '89abcdef', '00000708', '00000003', '000000')],
    ['of an action that BEP 15 does not know', hex('00000004', '89abcdef', '00000000', '00000000', '00000000')],
  ])('is no reply: %s', (_, datagram) => {
    expect(parseUdpReply(datagram)).toMatchObject({ ok: false })
  })

  it('never makes the reader throw', () => {
    const withActionArb = fc.tuple(fc.nat(4), bytesArb(0, 2044)).map(([action, rest]) => {
      const head = Buffer.alloc(4)
      head.writeUInt32BE(action)
      return Buffer.concat([head, rest])
    })
    fc.assert(
      fc.property(fc.oneof(withActionArb, bytesArb(0, 2048)), (datagram) => {
        const parsed = parseUdpReply(datagram)
        if (datagram.length < 8) expect(parsed.ok).toBe(false)
        if (parsed.ok) expect(parsed.value.transactionId).toBe(datagram.readUInt32BE(4))
      }),
      { numRuns: 1000 },
    )
  })
})
