import Type from 'typebox'
import type { ApiApp, ApiContext } from './context.ts'
import { DONE, Done } from './done.ts'
import { ERROR_REPLIES } from './errors.ts'
import { infoHashOf } from './info-hash.ts'

/** `/api/v1/whitelist/…`: which torrents a listed tracker serves. What is there already, or is not, is as good. */
export function registerWhitelist(app: ApiApp, { whitelist }: ApiContext): void {
  const params = Type.Object({ info_hash: Type.String() })
  const response = { 200: Done, ...ERROR_REPLIES }
  const path = '/api/v1/whitelist/:info_hash'
  app.post(path, { schema: { summary: 'List a torrent', params, response } }, async (request) => {
    await whitelist.add([infoHashOf(request.params.info_hash)])
    return DONE
  })
  app.delete(path, { schema: { summary: 'Take a torrent off the list', params, response } }, async (request) => {
    await whitelist.remove([infoHashOf(request.params.info_hash)])
    return DONE
  })
  const summary = 'Nothing needs reloading here: what changes is effective at once'
  app.get('/api/v1/whitelist/reload', { schema: { summary, response } }, async () => DONE)
}
