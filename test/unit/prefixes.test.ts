import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOfRow, GONE, makeRowHeap, type Prefix, rowAfter } from '../../lib/wire/prefix-rows.ts'
import { makePrefixTable } from '../../lib/wire/prefix-table.ts'

/** A prefix of some bytes, of which few differ, so that many are in others. */
const prefixArb = (width: number) =>
  fc
    .tuple(
      fc.array(fc.constantFrom(0, 1, 0x80, 0xff), { minLength: 4 * width, maxLength: 4 * width }),
      fc.nat(32 * width - 1),
      fc.nat(3),
    )
    .map(([bytes, less, value]): Prefix => cut(Buffer.from(bytes), 32 * width - less, value))

function cut(bytes: Buffer, bits: number, value: number): Prefix {
  const kept = Buffer.from(bytes)
  for (let i = 0; i < kept.length; i++)
    kept[i] = (kept[i] as number) & (0xff << (8 - Math.min(8, Math.max(0, bits - 8 * i))))
  return { bytes: kept, bits, value }
}

const nameOf = ({ bytes, bits }: Prefix) => `${bytes.toString('hex')}/${bits}`
const isIn = (bytes: Buffer, prefix: Prefix) => nameOf(cut(bytes, prefix.bits, 0)) === nameOf(prefix)

describe.each([1, 4, 5])('prefixes of %i words', (width) => {
  it('are those that were taken last, whatever came before, and are found longest first', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(prefixArb(width), { maxLength: 20 }), { maxLength: 6 }),
        fc.array(prefixArb(width), { minLength: 1, maxLength: 10 }),
        (parts, asked) => {
          const heap = makeRowHeap(width)
          const expected = new Map<string, Prefix>()
          for (const part of parts) {
            heap.add(part)
            for (const prefix of part) {
              if (prefix.value === GONE) expected.delete(nameOf(prefix))
              else expected.set(nameOf(prefix), prefix)
            }
          }
          const rows = heap.rows()
          const found = Array.from({ length: rows.length }, (_, row) => ({
            ...{ bytes: bytesOfRow(rows, row), bits: rows.bits[row] as number, value: rows.values[row] as number },
          }))
          const sorted = [...expected.values()].toSorted((a, b) => Buffer.compare(a.bytes, b.bytes) || a.bits - b.bits)
          expect(found).toEqual(sorted)
          for (const [row, { bytes, bits }] of found.entries()) expect(rowAfter(rows, bytes, bits)).toBe(row + 1)

          const { find, parents, values } = makePrefixTable(rows)
          for (const { bytes } of [...asked, ...found]) {
            const chain: number[] = []
            for (let row = find(Buffer.concat([Buffer.of(7), bytes]), 1); row >= 0; row = parents[row] as number)
              chain.push(row)
            const holding = sorted.filter((prefix) => isIn(bytes, prefix)).toSorted((a, b) => b.bits - a.bits)
            expect(chain.map((row) => nameOf(found[row] as Prefix))).toEqual(holding.map(nameOf))
            expect(chain.map((row) => values[row])).toEqual(holding.map(({ value }) => value))
          }
        },
      ),
    )
  })
})

it('many prefixes are found by their index as few are', () => {
  const heap = makeRowHeap(1)
  const bytesOf = (word: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(word)
    return bytes
  }
  const words = Array.from({ length: 20_000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 0)
  heap.add(words.map((word) => cut(bytesOf(word), 32, 1)))
  heap.add([cut(bytesOf(0), 8, 2), cut(bytesOf(0xffff_ffff), 9, 3)])
  const { find, values } = makePrefixTable(heap.rows())
  const valueAt = (word: number) => values[find(bytesOf(word), 0)]
  expect(words.map(valueAt).every((value) => value === 1)).toBe(true)
  const known = new Set(words)
  for (const word of [1, 0x00ff_ffff, 0x0100_0001, 0x7fff_ffff, 0xff7f_ffff, 0xff80_0001, 0xffff_ffff]) {
    if (known.has(word)) continue
    const expected = word < 0x0100_0000 ? 2 : word >= 0xff80_0000 ? 3 : undefined
    expect([word, valueAt(word)]).toEqual([word, expected])
  }
})
