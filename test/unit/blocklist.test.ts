import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeRanges, networksOfRange, rangeOf, withoutRanges } from '../../lib/wire/address-ranges.ts'
import { parseBlocklistLine } from '../../lib/wire/blocklist.ts'
import { networkText } from '../../lib/wire/network.ts'

/** The networks of a line, or what else it says. */
function read(line: string): string {
  const said = parseBlocklistLine(line)
  if (said.kind === 'nothing' || said.kind === 'bad') return said.kind
  const bits = said.family === 'ipv4' ? 32 : 128
  const networks = [...networksOfRange(said.range, bits)].map(networkText).join(' ')
  return said.kind === 'allowed' ? `allowed ${networks}` : networks
}

describe('a line of a blocklist', () => {
  it.each([
    ['', 'nothing'],
    ['  # a comment', 'nothing'],
    ['; Spamhaus DROP List', 'nothing'],
    ['// iblocklist', 'nothing'],
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1 # why', '192.0.2.1'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['192.0.2.77/24', '192.0.2.0/24'],
    ['1.10.16.0/20 ; SBL256894', '1.10.16.0/20'],
    ['2a06:e480::/29 ; SBL301771', '2a06:e480::/29'],
    ['2001:db8::1', '2001:db8::1'],
    ['192.0.2.4-192.0.2.9', '192.0.2.4/30 192.0.2.8/31'],
    ['192.0.2.4 - 192.0.2.4', '192.0.2.4'],
    ['2001:db8::-2001:db8::1', '2001:db8::/127'],
    ['::ffff:192.0.2.0-::ffff:192.0.2.1', '192.0.2.0/31'],
    ['Some Org:1.2.3.4-1.2.3.7', '1.2.3.4/30'],
    ['Org: with; signs #1 (a-b):1.2.3.4-1.2.3.4', '1.2.3.4'],
    ['10.0.0.0-10.0.0.9:1.2.3.4-1.2.3.4', '1.2.3.4'],
    [':1.2.3.4-1.2.3.4', '1.2.3.4'],
    ['Some Org:2001:db8::-2001:db8::1', '2001:db8::/127'],
    ['x:[2001:db8::]-[2001:db8::1]', '2001:db8::/127'],
    ['001.002.003.004 - 001.002.003.005 , 100 , Some Org', '1.2.3.4/31'],
    ['1.2.3.4 - 1.2.3.5,127', '1.2.3.4/31'],
    ['001.002.003.004 - 001.002.003.005 , 128 , Some Org', 'allowed 1.2.3.4/31'],
    ['000.000.000.000 - 000.255.255.255 , 000 , Bogon', '0.0.0.0/8'],
    ['010.000.000.008', '10.0.0.8'],
    ['1.2.3.4/33', 'bad'],
    ['0.0.0.0/0', 'bad'],
    ['0.0.0.0-255.255.255.255', 'bad'],
    ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'bad'],
    ['1.2.3.9-1.2.3.4', 'bad'],
    ['1.2.3.4-2001:db8::1', 'bad'],
    ['256.0.0.1', 'bad'],
    ['example.com', 'bad'],
    ['Some Org:1.2.3.4', 'bad'],
    ['{"cidr":"1.2.3.0/24","sblid":"SBL1"}', 'bad'],
    [`1.2.3.4${' '.repeat(5000)}x`, 'bad'],
  ])('%j says %s', (line, said) => expect(read(line)).toBe(said))

  it('of PeerGuardian`s whose name may be the beginning of an address is of the fewer addresses', () => {
    expect(read('ab:2001:db8::-2001:db8::1')).toBe('2001:db8::/127')
    expect(read('abc9:2001:db8::-2001:db8::1')).toBe('2001:db8::/127')
  })

  it('is read in no time, whatever it is', () => {
    const startMs = performance.now()
    for (const part of [' ', ':', '1.1.1.1-', '#', '0', 'a:', '. -', ', 1']) read(part.repeat(1000 / part.length))
    expect(performance.now() - startMs).toBeLessThan(200)
  })

  it('never throws', () => {
    const piece = fc.constantFrom('1.2.3.4', '-', ':', ' ', ',', '/', '8', '2001:db8::', '#', ';', 'x', '[', ']', '0')
    fc.assert(fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => void read(pieces.join(''))))
    fc.assert(fc.property(fc.string(), (text) => void read(text)))
  })
})

describe('ranges of addresses', () => {
  const rangeArb = fc
    .tuple(fc.nat(255), fc.nat(40))
    .map(([from, size]) => ({ from: BigInt(from), to: BigInt(from + size) }))
  const setOf = (ranges: readonly { from: bigint; to: bigint }[]) => {
    const all = new Set<bigint>()
    for (const { from, to } of ranges) for (let at = from; at <= to; at++) all.add(at)
    return [...all].sort((a, b) => Number(a - b))
  }

  it('are the same addresses merged, cut, and as networks, in as few as can be', () => {
    fc.assert(
      fc.property(fc.array(rangeArb, { maxLength: 8 }), fc.array(rangeArb, { maxLength: 4 }), (ranges, holes) => {
        const merged = mergeRanges(ranges)
        expect(setOf(merged)).toEqual(setOf(ranges))
        for (const [i, { from }] of merged.entries())
          if (i > 0) expect(from > (merged[i - 1]?.to as bigint) + 1n).toBe(true)
        const gone = new Set(setOf(holes))
        expect(setOf(withoutRanges(merged, mergeRanges(holes)))).toEqual(setOf(ranges).filter((at) => !gone.has(at)))
        for (const range of merged) {
          const networks = [...networksOfRange(range, 32)].map(rangeOf)
          expect(setOf(networks)).toEqual(setOf([range]))
          expect(networks.length).toBeLessThanOrEqual(2 * range.to.toString(2).length)
        }
      }),
    )
  })

  it('that end with the last address end there', () => {
    const last = (1n << 32n) - 1n
    expect([...networksOfRange({ from: last - 2n, to: last }, 32)].map(networkText)).toEqual([
      ...['255.255.255.253', '255.255.255.254/31'],
    ])
    expect([...networksOfRange({ from: 0n, to: last }, 32)].map(networkText)).toEqual(['0.0.0.0/1', '128.0.0.0/1'])
  })
})
