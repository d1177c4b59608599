import type { Network } from './network.ts'

/** Addresses of one family from one to another, both included, as numbers. */
export type AddressRange = { from: bigint; to: bigint }

/** Ranges of both families. */
export type Ranges = { ipv4: AddressRange[]; ipv6: AddressRange[] }

/** The bits of an address of each family. */
export const ADDRESS_BITS = { ipv4: 32, ipv6: 128 } as const

/** The number of an address's bytes. */
export const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)

/** The addresses of a network. */
export function rangeOf({ address, bits }: Network): AddressRange {
  const from = numberOf(address)
  return { from, to: from + (1n << BigInt(8 * address.length - bits)) - 1n }
}

/** The same addresses in order, in as few ranges as there can be: those that overlap or touch become one. */
export function mergeRanges(ranges: readonly AddressRange[]): AddressRange[] {
  const merged: AddressRange[] = []
  let last: AddressRange | undefined
  for (const { from, to } of ranges.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))) {
    if (last && from <= last.to + 1n) {
      if (to > last.to) last.to = to
    } else {
      last = { from, to }
      merged.push(last)
    }
  }
  return merged
}

/** What is left of some ranges without others; both are in order and do not overlap. */
export function withoutRanges(ranges: readonly AddressRange[], holes: readonly AddressRange[]): AddressRange[] {
  return ranges.flatMap((range) => {
    const left: AddressRange[] = []
    let { from } = range
    for (const hole of holes) {
      if (hole.to < from || hole.from > range.to) continue
      if (hole.from > from) left.push({ from, to: hole.from - 1n })
      from = hole.to + 1n
    }
    return from <= range.to ? [...left, { from, to: range.to }] : left
  })
}

/** The networks that a range is made of, as few as there can be; of all addresses, two halves. */
export function* networksOfRange({ from, to }: AddressRange, addressBits: 32 | 128): Generator<Network> {
  for (let at = from; at <= to; ) {
    let size = at === 0n ? 1n << BigInt(addressBits - 1) : at & -at
    while (at + size - 1n > to) size >>= 1n
    const bits = addressBits - (size.toString(2).length - 1)
    yield { address: Buffer.from(at.toString(16).padStart(addressBits / 4, '0'), 'hex'), bits }
    at += size
  }
}
