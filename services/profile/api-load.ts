import { Pool } from 'undici'
import { torrentHash } from './store-load.ts'

/** Requests under way: enough that the API never waits for one. */
const OUTSTANDING = 16
/** Torrents of a page. */
const LIMIT = 100

/** What is asked for, in turn. */
const KINDS = ['GET stats', 'GET torrent', 'GET torrents', 'GET health_check'] as const
type Kind = (typeof KINDS)[number]

/** What came of a load of the API: answers of each kind, and errors among them. */
export type ApiLoadResult = { requests: Record<Kind, number>; errors: number }

/**
 * Asks the API for so many seconds, closed loop: in turn for the counts, a torrent with its peers, a page of torrents from
 * anywhere in their order, and whether it is healthy.
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
  const requests = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>
  const untilMs = nowMs() + seconds * 1000
  let errors = 0
  let next = 0
  const pathOf = (i: number): string => {
    const hex = torrentHash(Math.floor(i / KINDS.length) % torrents).toString('hex')
    switch (kindOf(i)) {
      case 'GET stats':
        return '/api/v1/stats'
      case 'GET torrent':
        return `/api/v1/torrent/${hex}`
      case 'GET torrents':
        return `/api/v2/torrents?limit=${LIMIT}&after=${hex}`
      case 'GET health_check':
        return '/api/health_check'
    }
  }
  const ask = async (): Promise<void> => {
    while (nowMs() < untilMs) {
      const i = next++
      const { statusCode, body } = await pool.request({ path: pathOf(i), method: 'GET', headers })
      await body.dump()
      requests[kindOf(i)] += 1
      // A torrent that the fill gave no peer is not known: that is an answer like any other.
      if (statusCode !== 200 && statusCode !== 404) errors += 1
    }
  }
  try {
    await Promise.all(Array.from({ length: OUTSTANDING }, ask))
  } finally {
    await pool.close()
  }
  return { requests, errors }
}

const kindOf = (i: number): Kind => KINDS[i % KINDS.length] as Kind
