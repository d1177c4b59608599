/**
 * When requests of an open loop are due: evenly, whatever the tracker does. A latency counts from then, not from when
 * there was room to send: else a tracker that stops for a second would be seen to be slow by the few requests under way
 * only, not by all that clients would have made in that second (coordinated omission).
 */
export type Pace = {
  /** How many requests are due at this time and not taken yet. */
  due: (nowMs: number) => number
  /** Takes one; answers when it was due. */
  take: () => number
}

/** A pace of so many requests a second. */
export function makePace(ratePerS: number, startMs: number): Pace {
  const gapMs = 1000 / ratePerS
  let taken = 0
  return {
    due: (nowMs) => Math.max(0, Math.floor((nowMs - startMs) / gapMs) + 1 - taken),
    take: () => startMs + gapMs * taken++,
  }
}
