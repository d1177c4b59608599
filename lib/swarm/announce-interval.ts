/**
 * What a second of overload adds to the interval, and what a second of calm takes from it. From 1800 s to twice as much takes seven
 * seconds: who announces in an overload is spread over the longer time, and the sooner it grows, the more do. It comes back in 35 s:
 * slower, since an overload that comes in waves is one, and soon, since clients with a long interval find new peers late.
 */
const GROWTH = 1.1
const RETURN = 0.98

/** How long announces may wait on average: 50 times as long as on a tracker that keeps up. Clients give up after 15 s. */
const WAIT_S_MAX = 0.1
/** Which share of the announces may be refused for load, or dropped: a burst that overflows a buffer is no overload. */
const LOST_SHARE_MAX = 0.01
/** So few announces in a second overload nothing: that some of them waited is chance. */
const ANNOUNCES_LEAST = 50

/** What became of announces in a second. */
export type AnnounceLoad = {
  answered: number
  /** How long those had waited, together. */
  waitedS: number
  /** Refused because too much waited, or dropped. */
  lost: number
}

const isOverload = ({ answered, waitedS, lost }: AnnounceLoad): boolean =>
  answered + lost >= ANNOUNCES_LEAST && (waitedS > WAIT_S_MAX * answered || lost > LOST_SHARE_MAX * (answered + lost))

/** The interval that clients are told: as it is set or, under load, longer. */
export type AnnounceInterval = {
  /** Seconds, with fractions. */
  nowS: () => number
  /** To be called once a second, with what was done in it. */
  adjust: (load: AnnounceLoad) => void
}

/** An interval that grows in each second of overload, and comes back by itself. */
export function makeAnnounceInterval({
  intervalS,
  intervalMaxS,
}: {
  intervalS: number
  intervalMaxS: number
}): AnnounceInterval {
  let nowS = intervalS
  return {
    nowS: () => nowS,
    adjust(load) {
      nowS = isOverload(load) ? Math.min(intervalMaxS, nowS * GROWTH) : Math.max(intervalS, nowS * RETURN)
    },
  }
}
