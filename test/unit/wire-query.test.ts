import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBytes, encodeBytes, parseQuery } from '../../lib/wire/query.ts'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

describe('a query', () => {
  it('gives the values of a name in their order, and none for a name that is not there', () => {
    const query = parseQuery('a=1&b=2&a=3')
    expect(query.all('a')).toEqual(['1', '3'])
    expect(query.all('b')).toEqual(['2'])
    expect(query.all('c')).toEqual([])
    expect(parseQuery('a=1&=2&').all('')).toEqual([])
  })

  it.each([
    ['no text', '', []],
    ['a part without =', 'a&ax&a=1', ['1']],
    ['a = in the value', 'a=b=c', ['b=c']],
    ['an empty value', 'a=', ['']],
    ['a part without a name', '=1&a=2', ['2']],
    ['empty parts', '&&a=1&&', ['1']],
    ['an escape, which is left as it is', 'a=%41', ['%41']],
  ])('copes with %s', (_, text, values) => {
    expect(parseQuery(text).all('a')).toEqual(values)
  })

  it.each(['__proto__', 'constructor', 'toString'])('knows no name that was not given: %s', (name) => {
    expect(parseQuery('a=1').all(name)).toEqual([])
    expect(parseQuery(`${name}=1`).all(name)).toEqual(['1'])
  })

  it('gives back whatever was put in', () => {
    const textArb = fc.uint8Array({ maxLength: 30 }).map(encodeBytes)
    const pairsArb = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'info_hash'), textArb))
    fc.assert(
      fc.property(pairsArb, (pairs) => {
        const query = parseQuery(pairs.map(([name, value]) => `${name}=${value}`).join('&'))
        for (const name of ['a', 'b', 'info_hash']) {
          expect(query.all(name)).toEqual(pairs.filter((pair) => pair[0] === name).map((pair) => pair[1]))
        }
      }),
    )
  })
})

describe('bytes in a query', () => {
  it('come through encoding and decoding as they were', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), (bytes) => {
        expect(decodeBytes(encodeBytes(bytes))).toEqual(Buffer.from(bytes))
      }),
    )
  })

  it('are decoded from any mix of escapes of either case and characters as they are', () => {
    const partArb = fc.nat(255).chain((byte) => {
      const escaped = `%${byte.toString(16).padStart(2, '0')}`
      const raw = byte === 0x25 ? [] : [String.fromCharCode(byte)]
      return fc.constantFrom(escaped, escaped.toUpperCase(), ...raw).map((text) => ({ byte, text }))
    })
    fc.assert(
      fc.property(fc.array(partArb, { maxLength: 40 }), (parts) => {
        const decoded = decodeBytes(parts.map(({ text }) => text).join(''))
        expect(decoded).toEqual(Buffer.from(parts.map(({ byte }) => byte)))
      }),
    )
  })

  it.each([
    ['%51', '51'],
    ['Q', '51'],
    ['%aA%Ff', 'aaff'],
    ['%00', '00'],
    ['+', '2b'],
    ['%2b', '2b'],
    ['\xff', 'ff'],
    ['%2541', '253431'],
    ['', ''],
  ])('are decoded: %j', (text, bytes) => {
    expect(decodeBytes(text)?.toString('hex')).toBe(bytes)
  })

  it.each(['%', '%4', 'a%', '%zz', '%4g', '%g4', '%-1', '% 1', '%%41', '%/0', '%:0', '%@0', '%`0', '%0{'])(
    'are not decoded from a malformed escape: %j',
    (text) => {
      expect(decodeBytes(text)).toBeUndefined()
    },
  )

  it('are not decoded from characters that are no byte', () => {
    expect(decodeBytes('\u0100')).toBeUndefined()
    expect(decodeBytes('a\u0161')).toBeUndefined()
    expect(decodeBytes('%4\u0161')).toBeUndefined()
  })

  it('are encoded as letters, digits and -._~, all else escaped', () => {
    const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const encoded = encodeBytes(every)
    expect(encoded.replace(/%[0-9a-f]{2}/g, '')).toBe(
      '-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~',
    )
    expect(Buffer.from(unescape(encoded), 'latin1')).toEqual(Buffer.from(every))
  })

  it('are decoded or refused from any text, never thrown at', () => {
    const fragmentsArb = fc
      .array(fc.constantFrom('%', '4', 'z', 'F', '+', '%f', '\xff', '\u2603'))
      .map((all) => all.join(''))
    fc.assert(
      fc.property(fc.oneof(fragmentsArb, fc.string({ unit: 'binary' })), (text) => {
        const decoded = decodeBytes(text)
        // What is read is what another decoder reads.
        if (decoded) expect(latin1(decoded)).toBe(unescape(text))
        else expect(text).toMatch(/%(?![0-9a-fA-F]{2})|[^\0-\xff]/u)
      }),
      { numRuns: 300 },
    )
  })
})
