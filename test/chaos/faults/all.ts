import type { Fault } from '../fault.ts'
import { aofFaults } from './aof.ts'
import { clockFaults } from './clock.ts'
import { clusterFaults } from './cluster.ts'
import { datagramFaults } from './datagrams.ts'
import { exportFaults } from './export.ts'
import { fileFaults } from './files.ts'
import { lifetimeFaults } from './lifetimes.ts'
import { networkFaults } from './network.ts'
import { processFaults } from './processes.ts'
import { redisFaults } from './redis.ts'
import { sentinelFaults } from './sentinel.ts'
import { versionFaults } from './versions.ts'

/** All that is done to a tracker, in the order of the table. */
export const faults: readonly Fault[] = [
  ...processFaults,
  ...versionFaults,
  ...redisFaults,
  ...aofFaults,
  ...lifetimeFaults,
  ...sentinelFaults,
  ...clusterFaults,
  ...networkFaults,
  ...datagramFaults,
  ...clockFaults,
  ...fileFaults,
  ...exportFaults,
]
