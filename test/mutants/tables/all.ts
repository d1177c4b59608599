import type { Mutant } from '../mutant.ts'
import { accessMutants } from './access.ts'
import { announcePeerMutants } from './announce-peers.ts'
import { announceScriptMutants } from './announce-script.ts'
import { banMetricsMutants } from './bans-metrics.ts'
import { clusterMutants } from './cluster.ts'
import { commandLineMutants } from './command-line.ts'
import { connectionMutants } from './connections.ts'
import { dashboardMutants } from './dashboard.ts'
import { moveMutants } from './move.ts'
import { peopleMutants } from './people.ts'
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
  ...banMetricsMutants,
  ...scriptMutants,
  ...peopleMutants,
  ...accessMutants,
  ...serviceMutants,
  ...connectionMutants,
  ...clusterMutants,
  ...moveMutants,
  ...commandLineMutants,
  ...dashboardMutants,
]
