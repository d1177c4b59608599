/** The counts of a swarm, of both address families together. */
export type Counts = {
  /** BEP 3's `complete`. */
  seeders: number
  /** BEP 3's `incomplete`. */
  leechers: number
  /** BEP 48's `downloaded`: how many peers completed the download. */
  completed: number
}

/** The counts of a torrent that nobody has. */
export const NO_COUNTS: Counts = { seeders: 0, leechers: 0, completed: 0 }
