import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readUrlData, writeUrlData } from '../../lib/wire/url-data.ts'

const latin1Arb = (maxLength: number) =>
  fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength, size: 'max' })

/** Options of BEP 41 by their bytes; text stands for itself. */
const options = (...parts: (number | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from([part]))))

const END = 0
const NOP = 1
const URL_DATA = 2

describe('URL data (BEP 41)', () => {
  it.each([
    ['no options', options(), ''],
    ['an option', options(URL_DATA, 4, '/a?b'), '/a?b'],
    ['an empty option', options(URL_DATA, 0), ''],
    ['an end and more after it', options(END, URL_DATA, 2, '/a'), ''],
    ['an end, padding and more after it', options(END, 0, URL_DATA, 2, '/a'), ''],
    ['an end after it', options(URL_DATA, 2, '/a', END), '/a'],
    ['options without a value around it', options(NOP, NOP, URL_DATA, 2, '/a', NOP), '/a'],
    ['two options, to be joined', options(URL_DATA, 2, '/a', URL_DATA, 3, '?b=', NOP, URL_DATA, 1, 'c'), '/a?b=c'],
    ['an option of an unknown type before it', options(9, 3, 'xyz', URL_DATA, 2, '/a'), '/a'],
    ['a length one past the end', options(URL_DATA, 3, '/a'), ''],
    ['a length far past the end', options(URL_DATA, 2, '/a', URL_DATA, 255, '/b'), '/a'],
    ['an unknown option that ends past the end', options(9, 200, '/a'), ''],
    ['a type without a length', options(URL_DATA, 2, '/a', URL_DATA), '/a'],
    ['bytes of 0x80 and above', options(URL_DATA, 2, '\xe9\xff'), '\xe9\xff'],
  ])('is read from %s', (_, datagram, text) => {
    expect(readUrlData(datagram, 0)).toBe(text)
  })

  it('is read from where the options start', () => {
    expect(readUrlData(options('announce', URL_DATA, 2, '/a'), 8)).toBe('/a')
  })

  it.each([
    ['', ''],
    ['/a', '02022f61'],
    ['x'.repeat(255), `02ff${'78'.repeat(255)}`],
    ['x'.repeat(256), `02ff${'78'.repeat(255)}020178`],
  ])('is written in pieces of 255 bytes at most', (text, bytes) => {
    expect(writeUrlData(text).toString('hex')).toBe(bytes)
  })

  it('comes through writing and reading as it was, up to 700 characters', () => {
    fc.assert(
      fc.property(latin1Arb(700), (text) => {
        expect(readUrlData(writeUrlData(text), 0)).toBe(text)
      }),
    )
  })

  it('is not kept without a bound: reading stops at the piece that reaches 1024 characters', () => {
    expect(readUrlData(writeUrlData('x'.repeat(60_000)), 0)).toHaveLength(5 * 255)
  })

  it('never makes the reader throw, and is never more than was sent', () => {
    const optionArb = fc.oneof(fc.constantFrom(END, NOP, URL_DATA, 3, 255), fc.nat(255))
    const datagramArb = fc.array(optionArb, { maxLength: 2048, size: 'max' }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(datagramArb, fc.nat(2100), (datagram, at) => {
        expect(readUrlData(datagram, at).length).toBeLessThanOrEqual(Math.max(0, datagram.length - at))
      }),
      { numRuns: 1000 },
    )
  })
})
