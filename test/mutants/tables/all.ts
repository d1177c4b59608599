import type { Mutant } from '../mutant.ts'
import { accessMutants } from './access.ts'
import { addressMutants } from './addresses.ts'
import { announcePeerMutants } from './announce-peers.ts'
import { announceScriptMutants } from './announce-script.ts'
import { banMetricsMutants } from './bans-metrics.ts'
import { capMutants } from './caps.ts'
import { clusterMutants } from './cluster.ts'
import { commandLineMutants } from './command-line.ts'
import { connectionMutants } from './connections.ts'
import { dashboardMutants } from './dashboard.ts'
import { hostileHttpMutants } from './hostile-http.ts'
import { limitMutants } from './limits.ts'
import { listMutants } from './lists.ts'
import { moveMutants } from './move.ts'
import { peopleMutants } from './people.ts'
import { proxyMutants } from './proxies.ts'
import { scriptMutants } from './scripts.ts'
import { serviceMutants } from './services.ts'
import { storeMutants } from './store.ts'
import { swarmScriptMutants } from './swarm-scripts.ts'
import { wireMutants } from './wire.ts'

/** Every mutant, in the order of the docs' table. */
export const mutants: readonly Mutant[] = [
  ...wireMutants,
  ...storeMutants,
  ...announceScriptMutants,
  ...announcePeerMutants,
  ...swarmScriptMutants,
  ...capMutants,
  ...banMetricsMutants,
  ...listMutants,
  ...scriptMutants,
  ...peopleMutants,
  ...accessMutants,
  ...addressMutants,
  ...serviceMutants,
  ...proxyMutants,
  ...hostileHttpMutants,
  ...connectionMutants,
  ...clusterMutants,
  ...limitMutants,
  ...moveMutants,
  ...commandLineMutants,
  ...dashboardMutants,
]
