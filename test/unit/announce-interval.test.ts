import { describe, expect, it } from 'vitest'
import { loadSettings } from '../../lib/config/settings.ts'
import { makeCounters } from '../../lib/observe/counters.ts'
import { makeMeasures } from '../../lib/observe/measures.ts'
import { type AnnounceLoad, makeAnnounceInterval } from '../../lib/swarm/announce-interval.ts'
import { makeLoadReader } from '../../services/announce-load.ts'
import { sweepIntervals } from '../../services/parts.ts'

const CALM: AnnounceLoad = { answered: 10_000, waitedS: 20, lost: 0 }
const OVERLOAD: AnnounceLoad = { answered: 10_000, waitedS: 2000, lost: 0 }

/** The interval after some seconds, each with its load. */
function after(loads: readonly AnnounceLoad[], intervalMaxS = 3489): number {
  const { adjust, nowS } = makeAnnounceInterval({ intervalS: 1800, intervalMaxS })
  for (const load of loads) adjust(load)
  return nowS()
}
const seconds = (load: AnnounceLoad, count: number): AnnounceLoad[] => new Array<AnnounceLoad>(count).fill(load)

describe('the interval that clients are told', () => {
  it('is as it is set while the tracker keeps up', () => {
    expect(after([])).toBe(1800)
    expect(after(seconds(CALM, 100))).toBe(1800)
    expect(after(seconds({ answered: 0, waitedS: 0, lost: 0 }, 100))).toBe(1800)
  })

  it('grows by a tenth a second under load, up to its maximum and no further', () => {
    expect(after([OVERLOAD])).toBeCloseTo(1980)
    expect(after(seconds(OVERLOAD, 2))).toBeCloseTo(2178)
    expect(after(seconds(OVERLOAD, 7))).toBe(3489)
    expect(after(seconds(OVERLOAD, 1000))).toBe(3489)
    expect(after(seconds(OVERLOAD, 1000), 1800)).toBe(1800)
  })

  it('comes back by itself, more slowly than it grew, and no further than it is set', () => {
    const back = (calmS: number) => after([...seconds(OVERLOAD, 100), ...seconds(CALM, calmS)])
    expect(back(1)).toBeCloseTo(3489 * 0.98)
    expect(back(7)).toBeGreaterThan(3000)
    expect(back(40)).toBe(1800)
    expect(back(1000)).toBe(1800)
  })

  it('stays long in an overload that comes in waves', () => {
    const waves = Array.from({ length: 100 }, () => [OVERLOAD, ...seconds(CALM, 3)]).flat()
    expect(after(waves)).toBeGreaterThan(3000)
  })

  it.each([
    ['announces wait for more than 100 ms on average', { answered: 1000, waitedS: 101, lost: 0 }, true],
    ['they wait for less', { answered: 1000, waitedS: 99, lost: 0 }, false],
    ['more than one in a hundred is refused or dropped', { answered: 1000, waitedS: 1, lost: 11 }, true],
    ['a burst overflowed a buffer', { answered: 1000, waitedS: 1, lost: 10 }, false],
    ['all are dropped', { answered: 0, waitedS: 0, lost: 1000 }, true],
    ['a few waited long, of a tracker that has little to do', { answered: 40, waitedS: 20, lost: 2 }, false],
  ])('where %s: %o', (_, load, grows) => {
    expect(after([load]) > 1800).toBe(grows)
  })

  it('is waited for at its longest after an outage, before peers are swept', () => {
    const intervals = (environment: Record<string, string>) => sweepIntervals(loadSettings(environment, false))
    expect(intervals({ REDSWARM_ANNOUNCE_INTERVAL_MAX_S: '2000' })).toEqual({
      ...{ sweepIntervalS: 60, announceIntervalS: 2200 },
    })
  })

  it('goes by what happened since it was looked last, over UDP and HTTP', () => {
    const [counters, measures] = [makeCounters(), makeMeasures()]
    measures.durations.udp_announce.observe(5, 3)
    measures.announcesBusy = 7
    const read = makeLoadReader({ counters, measures })
    expect(read()).toEqual({ answered: 0, waitedS: 0, lost: 0 })
    measures.durations.udp_announce.observe(0.25, 4)
    measures.durations.http_announce.observe(2)
    measures.durations.udp_scrape.observe(100)
    measures.announcesBusy += 2
    // Of scrapes, 98 info hashes.
    counters.store_busy += 100
    counters.udp_dropped += 3
    counters.udp_banned += 100
    expect(read()).toEqual({ answered: 5, waitedS: 3, lost: 5 })
    expect(read()).toEqual({ answered: 0, waitedS: 0, lost: 0 })
  })
})
