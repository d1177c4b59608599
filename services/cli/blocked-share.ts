import { type AddressRange, type Ranges, rangeOf, withoutRanges } from '../../lib/wire/address-ranges.ts'
import { type Network, parseNetwork } from '../../lib/wire/network.ts'

/** A list of more of a family's addresses than that bans nearly everybody: the longest that are about have a fifth of IPv4. */
const SHARE_MAX = 0.5

/** Where hosts are: of IPv6 what is given out, since lists of what is not have nearly all of the rest. */
const HOSTS: Record<keyof Ranges, AddressRange[]> = {
  ipv4: ['0.0.0.0/1', '128.0.0.0/1'].map(read),
  ipv6: ['2000::/3'].map(read),
}

/** What to tell of a list that blocks most addresses of a family, by its ranges, in order; nothing of another. */
export function mostBlocked(family: keyof Ranges, ranges: readonly AddressRange[]): string | undefined {
  const share = 1 - sizeOf(withoutRanges(HOSTS[family], ranges)) / sizeOf(HOSTS[family])
  if (share <= SHARE_MAX) return undefined
  return `${Math.floor(100 * share)} % of the addresses of ${family === 'ipv4' ? 'IPv4' : 'IPv6'}: is that meant?`
}

const sizeOf = (ranges: readonly AddressRange[]): number =>
  ranges.reduce((size, { from, to }) => size + Number(to - from + 1n), 0)

function read(text: string): AddressRange {
  return rangeOf(parseNetwork(text) as Network)
}
