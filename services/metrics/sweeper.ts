import type { SweepMeasures } from '../../lib/observe/measures.ts'
import type { MetricSource } from '../../lib/observe/metrics.ts'

/** Metrics of the sweeper of a process: of the sweeps that it ran itself. */
export const sweeperMetrics = (measures: SweepMeasures): MetricSource[] => [
  {
    name: 'redswarm_sweep_duration_seconds',
    help: 'Whole sweeps that this process ran',
    type: 'histogram',
    read: () => [[{}, measures.seconds]],
  },
  {
    name: 'redswarm_sweep_shards_done',
    help: 'Shards, of 4,096, that the sweep under way or the last one has looked at',
    type: 'gauge',
    read: () => [[{}, measures.shardsDone]],
  },
  {
    name: 'redswarm_sweep_evictions_total',
    help: 'Peers removed because they were not heard from, and torrents that nobody is left of',
    type: 'counter',
    read: () => [
      [{ kind: 'peer' }, measures.peersRemoved],
      [{ kind: 'torrent' }, measures.torrentsDropped],
    ],
  },
  {
    name: 'redswarm_sweep_damaged_total',
    help: 'Damaged keys that sweeps met',
    type: 'counter',
    read: () => [[{}, measures.damaged]],
  },
]
