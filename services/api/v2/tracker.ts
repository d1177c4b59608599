import Type from 'typebox'
import type { ApiApp } from '../context.ts'
import { ERROR_REPLIES } from '../errors.ts'
import type { V2Context } from './context.ts'

/** It as it is answered. */
export const TrackerReply = Type.Object({
  version: Type.String(),
  is_listed: Type.Boolean({ description: 'Whether only listed torrents are served.' }),
  is_private: Type.Boolean({ description: 'Whether a passkey is asked for.' }),
  has_peer_details: Type.Boolean(),
  has_events: Type.Boolean(),
  announce_interval_s: Type.Integer(),
  peer_lifetime_s: Type.Integer(),
  token: Type.Object({
    name: Type.String({ description: 'Whose token the request came with.' }),
    is_admin: Type.Boolean({ description: 'Whether it may change things.' }),
  }),
})

/** `GET /api/v2/tracker`: how the tracker is set, and what the caller's token may do. */
export function registerTracker(app: ApiApp, { about }: V2Context): void {
  const schema = {
    summary: 'How the tracker is set, and what the token may do',
    description: 'The settings are those of the process that answers.',
    response: { 200: TrackerReply, ...ERROR_REPLIES },
  }
  app.get('/api/v2/tracker', { schema }, async ({ holder }) => ({
    version: about.version,
    is_listed: about.isListed,
    is_private: about.isPrivate,
    has_peer_details: about.hasPeerDetails,
    has_events: about.hasEvents,
    announce_interval_s: about.announceIntervalS,
    peer_lifetime_s: about.peerLifetimeS,
    token: { name: holder?.name ?? '', is_admin: holder?.isAdmin ?? false },
  }))
}
