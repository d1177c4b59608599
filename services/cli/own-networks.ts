import { type AddressRange, mergeRanges, type Ranges, rangeOf, withoutRanges } from '../../lib/wire/address-ranges.ts'
import { type Network, parseNetwork } from '../../lib/wire/network.ts'

/** This machine, and the networks behind routers (RFC 1918, 6598, 4193, link-local): proxies, health checks and operators come from there. */
const OWN = [
  ...['127.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  ...['::1', 'fc00::/7', 'fe80::/10'],
].map((text) => parseNetwork(text) as Network)

const OWN_RANGES: Ranges = {
  ipv4: mergeRanges(OWN.filter(({ address }) => address.length === 4).map(rangeOf)),
  ipv6: mergeRanges(OWN.filter(({ address }) => address.length === 16).map(rangeOf)),
}

/** What is left of a range without what of it may be the operator's own; and whether that is less. */
export function withoutOwn(range: AddressRange, family: keyof Ranges): { left: AddressRange[]; isLess: boolean } {
  const left = withoutRanges([range], OWN_RANGES[family])
  const [first] = left
  return { left, isLess: left.length !== 1 || first?.from !== range.from || first.to !== range.to }
}

/** Whether addresses of a network may be the operator's own. */
export const isOwn = (network: Network): boolean =>
  withoutOwn(rangeOf(network), network.address.length === 4 ? 'ipv4' : 'ipv6').isLess
