import type { Endpoint } from '../wire/endpoint.ts'
import type { Network } from '../wire/network.ts'
import { makeNetworkTable, type NetworkRows } from '../wire/network-table.ts'

/** A network that is banned, until then in seconds since the epoch; undefined: for ever. */
export type Ban = { network: Network; untilS: number | undefined }

/** Says whether the address of an endpoint is banned. */
export type BanCheck = (endpoint: Endpoint) => boolean

/** The check of some networks; their values are until when they are banned. */
export function makeBanCheck(rows: NetworkRows, nowS: () => number): BanCheck {
  const table = makeNetworkTable(rows)
  const lasts = (untilS: number): boolean => untilS > nowS()
  return (endpoint) => table(endpoint, lasts)
}
