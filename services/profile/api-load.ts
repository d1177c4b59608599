import { Pool } from 'undici'
import { torrentHash } from './store-load.ts'

/** Requests under way: enough that the API never waits for one. */
const OUTSTANDING = 16

/** What came of a load of the API: answers of each kind, and errors among them. */
export type ApiLoadResult = { stats: number; torrent: number; health: number; errors: number }

/** What is asked for, in turn. */
const KINDS = ['stats', 'torrent', 'health'] as const

/**
 * Asks the API for so many seconds, closed loop: in turn for the counts, a torrent with its peers, and whether it is
 * healthy.
 */
export async function runApiLoad({
  url,
  token,
  torrents,
  seconds,
  nowMs,
}: {
  url: string
  token: string
  torrents: number
  seconds: number
  /** Milliseconds of a clock that only goes forward. */
  nowMs: () => number
}): Promise<ApiLoadResult> {
  const pool = new Pool(url, { connections: OUTSTANDING })
  const headers = { authorization: `Bearer ${token}` }
  const result = { stats: 0, torrent: 0, health: 0, errors: 0 }
  const untilMs = nowMs() + seconds * 1000
  let next = 0
  const pathOf = (i: number): string => {
    switch (kindOf(i)) {
      case 'stats':
        return '/api/v1/stats'
      case 'health':
        return '/api/health_check'
      case 'torrent':
        return `/api/v1/torrent/${torrentHash(Math.floor(i / KINDS.length) % torrents).toString('hex')}`
    }
  }
  const ask = async (): Promise<void> => {
    while (nowMs() < untilMs) {
      const i = next++
      const { statusCode, body } = await pool.request({ path: pathOf(i), method: 'GET', headers })
      await body.dump()
      result[kindOf(i)] += 1
      // A torrent that the fill gave no peer is not known: that is an answer like any other.
      if (statusCode !== 200 && statusCode !== 404) result.errors += 1
    }
  }
  try {
    await Promise.all(Array.from({ length: OUTSTANDING }, ask))
  } finally {
    await pool.close()
  }
  return result
}

const kindOf = (i: number): (typeof KINDS)[number] => KINDS[i % KINDS.length] as (typeof KINDS)[number]
