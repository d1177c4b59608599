import { pipeline, Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { constants, createGzip } from 'node:zlib'
import Type from 'typebox'
import type { ListedTorrent } from '../../../lib/store/walk.ts'
import type { ApiApp } from '../context.ts'
import { ApiError, ERROR_REPLIES } from '../errors.ts'
import type { V2Context } from './context.ts'
import { torrentBody } from './schemas.ts'
import { dropWhenStuck } from './slots.ts'

/** Exports at once: each takes some hundredths of Redis. */
export const EXPORTS_MAX = 2
/** Rest after each group of some 500 torrents, which take Redis half a millisecond: announces come in between. */
const REST_MS_MIN = 5
/** The rest is at least so many times what reading the group took: where Redis is busy, an export takes its time. */
const REST_SHARE = 4
const NDJSON = 'application/x-ndjson'

/** `GET /api/v2/export`: all torrents in the order of their info hashes, a line of JSON each. */
export function registerExport(app: ApiApp, { torrents, exportSlots }: V2Context): void {
  const schema = {
    summary: 'All torrents, a line of JSON each',
    description: 'In the order of their info hashes; compressed where the client accepts gzip.',
    response: { 200: { description: 'Lines', content: { [NDJSON]: { schema: Type.String() } } }, ...ERROR_REPLIES },
  }
  app.get('/api/v2/export', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const giveBack = exportSlots.take()
    if (!giveBack) throw new ApiError(503, 'busy', `${exportSlots.max} exports are under way already`)
    reply.raw.once('close', giveBack)
    dropWhenStuck(reply.raw)
    const groups = torrents.all()[Symbol.asyncIterator]()
    // That Redis is away is told by an error, as long as nothing has been sent.
    const first = await groups.next()
    const lines = Readable.from(linesOf(first, groups), { objectMode: false })
    reply.type(NDJSON).header('vary', 'accept-encoding')
    if (!acceptsGzip(request.headers['accept-encoding'])) return reply.send(lines as never)
    reply.header('content-encoding', 'gzip')
    // Whatever ends the one ends the other; what is wrong is told by the stream that is sent.
    return reply.send(pipeline(lines, createGzip({ level: constants.Z_BEST_SPEED }), () => {}) as never)
  })
}

type Step = IteratorResult<ListedTorrent[]>

/** A group is read when the one before has been taken: a slow client holds up nothing but itself. */
async function* linesOf(first: Step, groups: AsyncIterator<ListedTorrent[]>): AsyncGenerator<string> {
  try {
    for (let step = first; !step.done; ) {
      yield step.value.map((torrent) => `${JSON.stringify(torrentBody(torrent))}\n`).join('')
      const startMs = performance.now()
      step = await groups.next()
      await sleep(Math.max(REST_MS_MIN, REST_SHARE * (performance.now() - startMs)))
    }
  } finally {
    await groups.return?.()
  }
}

/** Whether a client takes gzip, by its header: a quality of 0 means that it does not, and `*` is what is not named. */
export function acceptsGzip(accepted = ''): boolean {
  const codings = accepted.split(',').map((each) => each.split(';').map((part) => part.trim().toLowerCase()))
  const found = codings.find(([name]) => name === 'gzip') ?? codings.find(([name]) => name === '*')
  return found !== undefined && !found.some((part) => /^q=0(\.0*)?$/.test(part))
}
