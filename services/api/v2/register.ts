import type { ApiApp } from '../context.ts'
import type { V2Context } from './context.ts'
import { registerEvents } from './events.ts'
import { registerExport } from './export.ts'
import { registerInstances } from './instances.ts'
import { registerLive } from './live.ts'
import { registerPeers } from './peers.ts'
import { registerRanked } from './ranked.ts'
import { registerRecentEvents } from './recent-events.ts'
import { registerV2Stats } from './stats.ts'
import { registerTorrents } from './torrents.ts'
import { registerTracker } from './tracker.ts'

/** All of `/api/v2`. */
export function registerV2(app: ApiApp, context: V2Context): void {
  registerTorrents(app, context)
  registerRanked(app, context)
  registerPeers(app, context)
  registerV2Stats(app, context)
  registerEvents(app, context)
  registerRecentEvents(app, context)
  registerExport(app, context)
  registerLive(app, context)
  registerInstances(app, context)
  registerTracker(app, context)
}
