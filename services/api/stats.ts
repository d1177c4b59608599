import Type from 'typebox'
import type { Counters } from '../../lib/observe/counters.ts'
import type { Totals } from '../../lib/store/reader.ts'
import { type ApiApp, type ApiContext, ApiError } from './context.ts'

/** The answer is kept so long: it takes 4,096 small reads of Redis. */
const KEPT_MS = 1000

const counts = ['torrents', 'seeders', 'completed', 'leechers'] as const
const requests = ['tcp4', 'tcp6', 'udp4', 'udp6'].flatMap((kind) =>
  ['connections', 'announces', 'scrapes'].map((what) => `${kind}_${what}_handled`),
)
const StatsReply = Type.Object(Object.fromEntries([...counts, ...requests].map((name) => [name, Type.Integer()])))

/** `GET /api/v1/stats`: counts of all torrents and of what all frontends handled. */
export function registerStats(app: ApiApp, { reader, stats, nowMs }: ApiContext): void {
  let kept: { answer: Promise<Record<string, number>>; untilMs: number } | undefined
  const read = async () => statsBody(await reader.totals(), await stats())
  app.get('/api/v1/stats', { schema: { response: { 200: StatsReply } } }, async () => {
    if (!kept || nowMs() >= kept.untilMs) {
      const answer = read()
      kept = { answer, untilMs: nowMs() + KEPT_MS }
      answer.catch(() => {
        kept = undefined
      })
    }
    return await kept.answer
  })
}

function statsBody(totals: Totals, counters: Counters): Record<string, number> {
  const { torrents, seeders, completed, leechers } = totals
  const handled: Record<string, number> = {}
  for (const kind of ['tcp4', 'tcp6', 'udp4', 'udp6'] as const) {
    const announces = counters[`${kind}_announces`]
    const scrapes = counters[`${kind}_scrapes`]
    // As Torrust counts: over HTTP every request is a connection.
    handled[`${kind}_connections_handled`] =
      kind === 'udp4' || kind === 'udp6' ? counters[`${kind}_connections`] : announces + scrapes
    handled[`${kind}_announces_handled`] = announces
    handled[`${kind}_scrapes_handled`] = scrapes
  }
  const body: Record<string, number> = { torrents, seeders, completed, leechers, ...handled }
  const damaged = Object.keys(body).find((name) => !Number.isSafeInteger(body[name]))
  if (damaged) throw new ApiError(500, 'store_damaged', `the count ${damaged} in Redis is damaged`)
  return body
}
