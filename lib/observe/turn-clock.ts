/**
 * A clock in milliseconds that goes on from one turn of the event loop to the next: what comes in one turn, many requests or
 * many answers, asks the system once. To ask takes 0.1 µs, which for each request, twice, is 1 % of what an HTTP announce costs.
 */
export function makeTurnClock(): () => number {
  let nowMs: number | undefined
  const forget = (): void => {
    nowMs = undefined
  }
  return () => {
    if (nowMs === undefined) {
      nowMs = performance.now()
      setImmediate(forget)
    }
    return nowMs
  }
}
