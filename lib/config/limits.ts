import { type Network, parseNetworks } from '../wire/network.ts'
import type { RawSettings } from './schema.ts'

/** What keeps one client from the share of others. Of those that count, 0 is no limit. */
export type Limits = {
  exempt: Network[]
  addressAnnouncesPerS: number
  addressConnectsPerS: number
  addressBurstS: number
  addressTorrentsMax: number
  earlyAnnouncesMax: number
  announceIntervalMaxS: number
  torrentsMax: number
  swarmPeersMax: number
  completedLifetimeS: number
  httpConnectionsMax: number
  httpConnectionsPerAddress: number
  portMin: number
  clientIpFrom: Network[]
  keepsPrivatePeers: boolean
}

/** How much longer than as set the interval may get under load, where no setting says it. */
const INTERVAL_GROWTH = 2

/** The limits among the settings; `checked` tells what is wrong of one. */
export function readLimits(
  raw: RawSettings,
  checked: <T>(name: keyof RawSettings, rule: string, value: T | undefined) => T,
  longestIntervalS: number,
): Limits {
  const networks = (name: 'REDSWARM_LIMITS_EXEMPT' | 'REDSWARM_CLIENT_IP_FROM') =>
    checked(name, 'must be addresses or networks like 10.0.0.0/8, with commas between', parseNetworks(raw[name]))
  const intervalS = raw.REDSWARM_ANNOUNCE_INTERVAL_S
  return {
    exempt: networks('REDSWARM_LIMITS_EXEMPT'),
    addressAnnouncesPerS: raw.REDSWARM_ADDRESS_ANNOUNCES_PER_S,
    addressConnectsPerS: raw.REDSWARM_ADDRESS_CONNECTS_PER_S,
    addressBurstS: raw.REDSWARM_ADDRESS_BURST_S,
    addressTorrentsMax: raw.REDSWARM_ADDRESS_TORRENTS_MAX,
    earlyAnnouncesMax: raw.REDSWARM_EARLY_ANNOUNCES_MAX,
    announceIntervalMaxS:
      raw.REDSWARM_ANNOUNCE_INTERVAL_MAX_S ??
      Math.max(intervalS, Math.min(INTERVAL_GROWTH * intervalS, longestIntervalS)),
    torrentsMax: raw.REDSWARM_TORRENTS_MAX,
    swarmPeersMax: raw.REDSWARM_SWARM_PEERS_MAX,
    completedLifetimeS: raw.REDSWARM_COMPLETED_LIFETIME_S,
    httpConnectionsMax: raw.REDSWARM_HTTP_CONNECTIONS_MAX,
    httpConnectionsPerAddress: raw.REDSWARM_HTTP_CONNECTIONS_PER_ADDRESS,
    portMin: raw.REDSWARM_PORT_MIN,
    clientIpFrom: networks('REDSWARM_CLIENT_IP_FROM'),
    keepsPrivatePeers: raw.REDSWARM_PRIVATE_PEERS,
  }
}
