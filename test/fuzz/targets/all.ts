import type { Target } from '../target.ts'
import { addressTargets } from './addresses.ts'
import { connectionIdTargets } from './connection-id.ts'
import { datagramTargets } from './datagram.ts'
import { httpTargets } from './http.ts'
import { recordTargets } from './records.ts'
import { udpTargets } from './udp.ts'

/** Every target. */
export const targets: readonly Target[] = [
  ...udpTargets,
  ...connectionIdTargets,
  ...datagramTargets,
  ...httpTargets,
  ...addressTargets,
  ...recordTargets,
]
