import Type from 'typebox'
import { COUNTER_NAMES } from '../../../lib/observe/counters.ts'
import type { ApiApp } from '../context.ts'
import { ERROR_REPLIES } from '../errors.ts'
import type { V2Context } from './context.ts'

/** The counts of all torrents. */
export const TotalsItem = Type.Object({
  torrents: Type.Integer(),
  seeders: Type.Integer(),
  leechers: Type.Integer(),
  completed: Type.Integer(),
})
const Counters = Type.Object(Object.fromEntries(COUNTER_NAMES.map((name) => [name, Type.Integer()])))

/** `GET /api/v2/stats`: counts of all torrents, and every counter of all frontends together. */
export function registerV2Stats(app: ApiApp, { read }: V2Context): void {
  const schema = {
    summary: 'Counts of all torrents, and what all frontends counted',
    description: 'Read once a second at most. The counters only grow.',
    response: { 200: Type.Object({ at: Type.Integer(), totals: TotalsItem, counters: Counters }), ...ERROR_REPLIES },
  }
  app.get('/api/v2/stats', { schema }, async () => {
    const { totals, counters, atMs } = await read()
    return { at: Math.floor(atMs / 1000), totals, counters }
  })
}
