import { type Endpoint, isIpv6 } from './endpoint.ts'
import type { Network } from './network.ts'
import { bytesOfRow, makeRowHeap, type PrefixRows, rowAfter } from './prefix-rows.ts'
import { makePrefixTable, type PrefixTable } from './prefix-table.ts'

/** A network and what is known of it: a number above 0, or `GONE`. */
export type NetworkValue = { network: Network; value: number }

/** Networks of both families, in order. */
export type NetworkRows = { ipv4: PrefixRows; ipv6: PrefixRows }

/** Whether an endpoint's address is in a network whose value passes. */
export type NetworkTable = (endpoint: Endpoint, passes: (value: number) => boolean) => boolean

/** Bytes of an IPv4 address. */
const IPV4_BYTES = 4

/** Takes networks in no order, and changes of them; those that are the same count as they came last. */
export function makeNetworkHeap(): { add: (networks: readonly NetworkValue[]) => void; rows: () => NetworkRows } {
  const heaps = { ipv4: makeRowHeap(1), ipv6: makeRowHeap(4) }
  return {
    add(networks) {
      const prefixes = networks.map(({ network: { address, bits }, value }) => ({ bytes: address, bits, value }))
      for (const name of ['ipv4', 'ipv6'] as const) {
        const own = prefixes.filter(({ bytes }) => (bytes.length === IPV4_BYTES) === (name === 'ipv4'))
        if (own.length > 0) heaps[name].add(own)
      }
    },
    rows: () => ({ ipv4: heaps.ipv4.rows(), ipv6: heaps.ipv6.rows() }),
  }
}

/** The networks in their order, those of IPv4 first; after one of them, or of all. */
export function* networksOf({ ipv4, ipv6 }: NetworkRows, after?: Network): Generator<NetworkValue> {
  for (const rows of [ipv4, ipv6]) {
    const width = (after?.address.length ?? 0) / 4
    if (width > rows.width) continue
    let row = after && width === rows.width ? rowAfter(rows, after.address, after.bits) : 0
    for (; row < rows.length; row++) {
      const network = { address: bytesOfRow(rows, row), bits: rows.bits[row] as number }
      yield { network, value: rows.values[row] as number }
    }
  }
}

/** Networks to find addresses in. */
export function makeNetworkTable({ ipv4, ipv6 }: NetworkRows): NetworkTable {
  const tables = { ipv4: makePrefixTable(ipv4), ipv6: makePrefixTable(ipv6) }
  return (endpoint, passes) => passesOne(isIpv6(endpoint) ? tables.ipv6 : tables.ipv4, endpoint, passes)
}

function passesOne({ find, parents, values }: PrefixTable, bytes: Buffer, passes: (value: number) => boolean): boolean {
  for (let row = find(bytes, 0); row >= 0; row = parents[row] as number) if (passes(values[row] as number)) return true
  return false
}

/** Says whether an endpoint's address is in one of these networks. */
export function makeNetworkCheck(networks: readonly Network[]): (endpoint: Endpoint) => boolean {
  const heap = makeNetworkHeap()
  heap.add(networks.map((network) => ({ network, value: 1 })))
  const table = makeNetworkTable(heap.rows())
  return (endpoint) => table(endpoint, Boolean)
}
