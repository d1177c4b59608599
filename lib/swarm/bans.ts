import { type Endpoint, isIpv6 } from '../wire/endpoint.ts'
import type { Network } from '../wire/network.ts'

/** A network that is banned, until then in seconds since the epoch; undefined: for ever. */
export type Ban = { network: Network; untilS: number | undefined }

/** Says whether the address of an endpoint is banned. */
export type BanCheck = (endpoint: Endpoint) => boolean

/** Bans of one length of prefix, by the bits that are compared, a character a byte: until when each is good. */
type OfLength = { bytes: number; mask: number; until: Map<string, number> }

/** The check of some bans: a look-up for each length of prefix that there is, and nothing where there are none. */
export function makeBanCheck(bans: readonly Ban[], nowS: () => number): BanCheck {
  const families = { ipv4: lengthsOf(bans, 4), ipv6: lengthsOf(bans, 16) }
  if (bans.length === 0) return () => false
  return (endpoint) => {
    for (const { bytes, mask, until } of isIpv6(endpoint) ? families.ipv6 : families.ipv4) {
      const untilS = until.get(prefixOf(endpoint, bytes, mask))
      if (untilS !== undefined && untilS > nowS()) return true
    }
    return false
  }
}

function lengthsOf(bans: readonly Ban[], addressBytes: number): OfLength[] {
  const lengths = new Map<number, OfLength>()
  for (const { network, untilS = Number.POSITIVE_INFINITY } of bans) {
    const { address, bits } = network
    if (address.length !== addressBytes) continue
    const known = lengths.get(bits)
    const length = known ?? { bytes: Math.ceil(bits / 8), mask: maskOf(bits), until: new Map<string, number>() }
    lengths.set(bits, length)
    length.until.set(prefixOf(address, length.bytes, length.mask), untilS)
  }
  return [...lengths.values()]
}

/** What counts of the last byte of a prefix. */
const maskOf = (bits: number): number => (bits % 8 === 0 ? 0xff : (0xff << (8 - (bits % 8))) & 0xff)

function prefixOf(bytes: Buffer, count: number, mask: number): string {
  let text = ''
  for (let i = 0; i < count - 1; i++) text += String.fromCharCode(bytes[i] as number)
  return text + String.fromCharCode((bytes[count - 1] as number) & mask)
}
