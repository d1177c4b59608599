/** How often something has come up since it was told last, this time included, where it is to be told now; else 0. */
export type News = (name: string) => number

/**
 * What is told once in a time, by its name, however often it comes up; of so many names at most, so that whoever makes names up
 * fills neither memory nor a disk with lines of a log.
 */
export function makeNews({
  everyMs,
  namesMax,
  nowMs,
}: {
  everyMs: number
  namesMax: number
  nowMs: () => number
}): News {
  const told = new Map<string, { untold: number; quietUntilMs: number }>()
  const hasRoom = (now: number): boolean => {
    if (told.size < namesMax) return true
    for (const [name, { quietUntilMs }] of told) if (quietUntilMs <= now) told.delete(name)
    return told.size < namesMax
  }
  return (name) => {
    const now = nowMs()
    const known = told.get(name)
    if (known && now < known.quietUntilMs) {
      known.untold += 1
      return 0
    }
    if (!known && !hasRoom(now)) return 0
    told.set(name, { untold: 0, quietUntilMs: now + everyMs })
    return 1 + (known?.untold ?? 0)
  }
}
