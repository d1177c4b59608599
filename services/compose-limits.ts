import { seedFrom } from '../lib/random.ts'
import { COUNT_S_MIN, makeTorrentCount } from '../lib/store/torrent-count.ts'
import { type AddressRates, makeAddressRates } from '../lib/swarm/address-rates.ts'
import { type AnnounceInterval, makeAnnounceInterval } from '../lib/swarm/announce-interval.ts'
import { EARLY_COUNT_MAX, type EarlyAnnounces, makeEarlyAnnounces } from '../lib/swarm/early-announces.ts'
import { makeTorrentLimits, type TorrentLimits } from '../lib/swarm/torrent-limits.ts'
import { addressText } from '../lib/wire/endpoint.ts'
import { makeNetworkCheck } from '../lib/wire/network-table.ts'
import { makeLoadReader } from './announce-load.ts'
import { EVERY_SECOND_MS, type Parts } from './parts.ts'

/** Whoever asks too much asks on: more lines would say no more. */
const HELD_BACK_TOLD_EVERY_MS = 60_000

/** What each client address may ask of the frontends of this process, and add. */
export type AddressLimits = {
  rates: AddressRates
  earlyAnnounces: EarlyAnnounces | undefined
  torrentLimits: TorrentLimits
}

/** The limits of client addresses: one count for all frontends of a process. */
export function startAddressLimits(parts: Parts): AddressLimits {
  const { settings, random, clock, log, repeat } = parts
  const { limits, announceMinIntervalS } = settings
  const isExempt = makeNetworkCheck(limits.exempt)
  const rates = makeAddressRates({
    requestsPerS: limits.addressAnnouncesPerS,
    connectsPerS: limits.addressConnectsPerS,
    burstS: limits.addressBurstS,
    isExempt,
    seed: seedFrom(random),
  })
  repeat(HELD_BACK_TOLD_EVERY_MS, async () => {
    const heldBack = rates.takeHeldBack()
    if (!heldBack) return
    const fields = { requests: heldBack.requests, example: addressText(heldBack.example) }
    log.warn(fields, HELD_BACK)
  })
  const earlyAnnounces =
    limits.earlyAnnouncesMax >= EARLY_COUNT_MAX
      ? undefined
      : makeEarlyAnnounces({
          minIntervalS: announceMinIntervalS,
          max: limits.earlyAnnouncesMax,
          isExempt,
          seed: seedFrom(random),
          nowS: clock.nowS,
        })
  const torrentLimits = makeTorrentLimits({
    addressMax: limits.addressTorrentsMax,
    lifetimeS: settings.peerLifetimeS,
    isExempt,
    isFull: startTorrentCount(parts),
    nowS: clock.nowS,
    seed: seedFrom(random),
  })
  return { rates, earlyAnnounces, torrentLimits }
}

/** Whether there are as many torrents as there may be. */
function startTorrentCount({ settings, redis, keys, log, repeat }: Parts): () => boolean {
  const { torrentsMax } = settings.limits
  const count = makeTorrentCount({ redis, keys, max: torrentsMax, log })
  if (torrentsMax > 0) {
    repeat(COUNT_S_MIN * 1000, count.refresh)
    // The start need not wait for it. What is wrong is met by the next.
    count.refresh().catch(() => {})
  }
  return count.isFull
}

const HELD_BACK =
  'requests of addresses over their limit were held back in the last minute; if all clients come from one address, as those of a gateway or a Docker bridge do, raise REDSWARM_ADDRESS_ANNOUNCES_PER_S and REDSWARM_ADDRESS_CONNECTS_PER_S or put it into REDSWARM_LIMITS_EXEMPT'

/** The interval that the clients of this process are told; it grows while the process or its Redis is overloaded. */
export function startAnnounceInterval({ settings, counters, measures, repeat }: Parts): AnnounceInterval {
  const interval = makeAnnounceInterval({
    intervalS: settings.announceIntervalS,
    intervalMaxS: settings.limits.announceIntervalMaxS,
  })
  const readLoad = makeLoadReader({ counters, measures })
  repeat(EVERY_SECOND_MS, async () => interval.adjust(readLoad()))
  return interval
}
