import ipaddr from 'ipaddr.js'
import { addressText, type Endpoint, isIpv6 } from './endpoint.ts'

/** What IPv4 has from here on is multicast (224.0.0.0/4), reserved (240.0.0.0/4) and broadcast. */
const IPV4_MULTICAST = 0xe0
/** What IPv6 has here, ff00::/8. */
const IPV6_MULTICAST = 0xff

/**
 * Whether an address is no host's: unspecified (0.0.0.0/8, `::`), multicast, reserved or broadcast. Asked of every announce: its
 * first byte tells of all but a few.
 */
export function isNobodys(endpoint: Endpoint): boolean {
  const first = endpoint[0] as number
  if (!isIpv6(endpoint)) return first === 0 || first >= IPV4_MULTICAST
  return first === IPV6_MULTICAST || (first === 0 && endpoint.subarray(0, -2).every((byte) => byte === 0))
}

/** The library's names of what is at a different place, or nowhere, as seen from another network. */
const LOCAL: ReadonlySet<string> = new Set([
  'private',
  'carrierGradeNat',
  'linkLocal',
  'loopback',
  'uniqueLocal',
  'deprecatedSiteLocal',
])

/** Whether an address is one of a private network, of a link, or of a machine to itself. Takes some microseconds. */
export const isLocal = (endpoint: Endpoint): boolean => LOCAL.has(ipaddr.parse(addressText(endpoint)).range())
