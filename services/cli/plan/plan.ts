import { FIGURES, PEERS_OF_REDIS_MEASURED } from './figures.ts'

/** What a tracker is to serve. */
export type PlanInput = {
  peers: number
  torrents: number
  /** Seconds between two announces of a peer. */
  intervalS: number
  /** The share of announces that come over HTTP; of peers that are at an IPv6 address. */
  shareHttp: number
  ipv6: number
  /** Whether what peers tell of themselves is kept (REDSWARM_PEER_DETAILS). */
  details: boolean
}

/** What that takes: bytes, bytes a second, cores of CPU. */
export type Plan = {
  announcesPerS: number
  redis: {
    masters: number
    replicas: number
    /** Of all masters; `sweepCores` of them for sweeps where every peer falls silent in each lifetime. */
    cores: number
    sweepCores: number
    /** Of each master: the share of its core, data, memory with room for a fork, disk. */
    coreShare: number
    dataBytes: number
    memoryBytes: number
    fileBytesPerS: number
    diskBytes: number
    networkInBytesPerS: number
    /** Replication included. */
    networkOutBytesPerS: number
  }
  udp: Frontends
  http: Frontends
  warnings: string[]
}

/** Frontends of one kind together. */
export type Frontends = {
  announcesPerS: number
  cores: number
  processes: number
  memoryBytes: number
  networkInBytesPerS: number
  networkOutBytesPerS: number
}

/** A peer's lifetime, next to the interval: 3,900 s and 1,800 s as they come. */
const LIFETIME_INTERVALS = 3900 / 1800
/** A Cluster has no fewer. */
const CLUSTER_MASTERS_MIN = 3
/** Of what is served, so that one can be replaced. */
const PROCESSES_MIN = 2
/** What Redis takes without data: scripts, buffers of clients, the backlog of replication. */
const REDIS_OWN_BYTES = 200e6

const { coreShare, replicas } = FIGURES

/** What a tracker of this size takes; all figures are those of `FIGURES`. */
export function makePlan(input: PlanInput): Plan {
  const { peers, intervalS, shareHttp } = input
  const announcesPerS = (peers / intervalS) * FIGURES.moreAnnounces.value
  const [udpPerS, httpPerS] = [announcesPerS * (1 - shareHttp), announcesPerS * shareHttp]
  const endpointBytes = 6 + 12 * input.ipv6
  const peersBytes = FIGURES.repliedPeers.value * endpointBytes
  const redis = planRedis(input, [udpPerS, httpPerS], peersBytes)
  const udp = planFrontends(udpPerS, 2 * FIGURES.udpFrontendUs.value, [
    FIGURES.udpInBytes.value,
    FIGURES.udpOutBytes.value + peersBytes,
  ])
  const http = planFrontends(httpPerS, FIGURES.httpFrontendUs.value, [
    FIGURES.httpInBytes.value,
    FIGURES.httpOutBytes.value + peersBytes,
  ])
  return { announcesPerS, redis, udp, http, warnings: warningsOf(input, redis) }
}

function planRedis(
  { peers, torrents, intervalS, ipv6, details }: PlanInput,
  [udpPerS, httpPerS]: [number, number],
  peersBytes: number,
): Plan['redis'] {
  const announcesPerS = udpPerS + httpPerS
  const of = <Name extends 'torrentBytes' | 'peerBytes' | 'peer6Bytes' | 'fileBytes' | 'redisInBytes'>(
    name: Name,
  ): number => FIGURES[details ? name : (`${name}Bare` as const)].value
  const peerBytes = of('peerBytes') * (1 - ipv6) + of('peer6Bytes') * ipv6
  const allData = (torrents * (of('torrentBytes') - of('peerBytes')) + peers * peerBytes) * FIGURES.fragmentation.value
  // A response of the UDP load is a connect for every announce.
  const announceCores = (udpPerS * 2 * FIGURES.udpRedisUs.value + httpPerS * FIGURES.httpRedisUs.value) / 1e6
  const sweepCores = (peers * FIGURES.sweepUs.value) / 1e6 / (intervalS * LIFETIME_INTERVALS)
  const onOne = announceCores + sweepCores
  const isOne = onOne <= coreShare.value && allData <= FIGURES.masterBytesMax.value
  const cores = isOne ? onOne : announceCores * FIGURES.clusterFactor.value + sweepCores
  const masters = isOne
    ? 1
    : Math.max(
        CLUSTER_MASTERS_MIN,
        Math.ceil(cores / coreShare.value),
        Math.ceil(allData / FIGURES.masterBytesMax.value),
      )
  const dataBytes = allData / masters
  const fileBytesPerS = (announcesPerS * of('fileBytes')) / masters
  return {
    ...{ masters, replicas: masters * replicas.value, cores, sweepCores, coreShare: cores / masters, dataBytes },
    memoryBytes: dataBytes * (1 + FIGURES.forkShare.value) + REDIS_OWN_BYTES,
    fileBytesPerS,
    diskBytes: dataBytes * FIGURES.diskShare.value,
    networkInBytesPerS: (announcesPerS * of('redisInBytes')) / masters,
    networkOutBytesPerS:
      (announcesPerS * (FIGURES.redisOutBytes.value + peersBytes)) / masters + fileBytesPerS * replicas.value,
  }
}

function planFrontends(announcesPerS: number, us: number, [inBytes, outBytes]: [number, number]): Frontends {
  const cores = (announcesPerS * us) / 1e6
  const processes = announcesPerS === 0 ? 0 : Math.max(PROCESSES_MIN, Math.ceil(cores / coreShare.value))
  return {
    ...{ announcesPerS, cores, processes, memoryBytes: processes * FIGURES.frontendBytes.value },
    networkInBytesPerS: announcesPerS * inBytes,
    networkOutBytesPerS: announcesPerS * outBytes,
  }
}

/** What a plan says that nobody has measured. */
function warningsOf({ peers, torrents, shareHttp }: PlanInput, { masters }: Plan['redis']): string[] {
  const each = (count: number): string => Math.round(count).toLocaleString('en-US')
  return [
    ...(peers / masters > PEERS_OF_REDIS_MEASURED
      ? [
          `${each(peers / masters)} peers on a Redis: ${each(PEERS_OF_REDIS_MEASURED)} were measured, and what more cost of memory that is in no cache is not known`,
        ]
      : []),
    ...(shareHttp > 0
      ? ['HTTP was measured over connections that are kept: clients that open one for each announce cost more']
      : []),
    ...(torrents > peers
      ? ['more torrents than peers: those without peers take less than is told, and are kept for what was completed']
      : []),
  ]
}
