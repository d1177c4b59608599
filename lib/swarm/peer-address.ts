import { isLocal, isNobodys } from '../wire/address-kind.ts'
import { EVENT } from '../wire/announce.ts'
import { isIpv6, isSameAddress, portOf } from '../wire/endpoint.ts'
import type { Admission, NotAdmitted } from './admission.ts'
import type { BanCheck } from './bans.ts'

/**
 * Admits peers that somebody may be able to connect to: at the address that they ask from, or at one that they name and were
 * allowed to. Of one that stops nothing is asked: it is told to nobody.
 */
export function addressAdmission({
  portMin,
  keepsPrivatePeers,
  isBanned,
}: {
  portMin: number
  /** Whether one who asks from a public address may name a private one. */
  keepsPrivatePeers: boolean
  isBanned: BanCheck
}): Admission {
  const badPort = notAdmitted(`port must be ${portMin} to 65535`)
  return ({ endpoint, sender, event }) => {
    if (event === EVENT.stopped) return undefined
    if (isNobodys(endpoint)) return NOBODYS
    if (portOf(endpoint) < portMin) return badPort
    if (isSameAddress(endpoint, sender)) return undefined
    // A reply's peers are of the peer's family, and are read as those of the connection's.
    if (isIpv6(endpoint) !== isIpv6(sender)) return OTHER_FAMILY
    if (!keepsPrivatePeers && isLocal(endpoint) && !isLocal(sender)) return PRIVATE
    return isBanned(endpoint) ? BANNED : undefined
  }
}

const notAdmitted = (reason: string): NotAdmitted => ({ cause: 'address', reason })

const NOBODYS = notAdmitted('nobody can connect to your address')
const OTHER_FAMILY = notAdmitted('ip must be an address of the IP version that you ask by')
const PRIVATE = notAdmitted('ip must not be a private address: others cannot connect to it')
const BANNED = notAdmitted('the address that ip names is banned from this tracker')
