import type { MetricSource } from '../../lib/observe/metrics.ts'

/** What all processes share, as it is in Redis; undefined where it is on a master of a Cluster that is away. */
export type TrackerReading = {
  totals: { torrents: number; seeders: number; leechers: number; completed: number } | undefined
  /** Processes that tell of themselves, those that fell silent among them. */
  processes: { isSilent: boolean }[] | undefined
  /** Seconds since the epoch of the last sweep, and until when eviction waits; undefined where there was none. */
  sweeper: { sweptS: number | undefined; holdS: number | undefined } | undefined
  /** What the last audit found, and when. */
  audit: { atS: number; drift: number } | undefined
  /** Memory of Redis, and how much it may take; 0: no limit. */
  server: { usedBytes: number; maxBytes: number } | undefined
}

/** Metrics of the whole tracker, told by the API's process: to read them asks Redis, so one process does. */
export function trackerMetrics(read: () => Promise<TrackerReading>): MetricSource[] {
  const gauge = (name: string, help: string, of: (reading: TrackerReading) => number | undefined): MetricSource => ({
    ...{ name, help, type: 'gauge' },
    async read() {
      const value = of(await read())
      return value === undefined ? [] : [[{}, value]]
    },
  })
  return [
    gauge('redswarm_torrents', 'Torrents', ({ totals }) => totals?.torrents),
    {
      ...{ name: 'redswarm_peers', help: 'Peers of all torrents', type: 'gauge' },
      async read() {
        const { totals } = await read()
        if (!totals) return []
        return [
          [{ role: 'seeder' }, totals.seeders],
          [{ role: 'leecher' }, totals.leechers],
        ]
      },
    },
    gauge(
      'redswarm_completed',
      'Downloads that were completed, of all torrents kept',
      ({ totals }) => totals?.completed,
    ),
    {
      ...{ name: 'redswarm_processes', help: 'Processes of the tracker, by whether they are heard of', type: 'gauge' },
      async read() {
        const { processes } = await read()
        if (!processes) return []
        const silent = processes.filter(({ isSilent }) => isSilent).length
        return [
          [{ state: 'alive' }, processes.length - silent],
          [{ state: 'silent' }, silent],
        ]
      },
    },
    gauge(
      'redswarm_swept_timestamp_seconds',
      'When a sweep was last at work, whoever ran it',
      ({ sweeper }) => sweeper?.sweptS,
    ),
    gauge(
      'redswarm_eviction_hold_timestamp_seconds',
      'Until when eviction waits after an outage',
      ({ sweeper }) => sweeper?.holdS,
    ),
    gauge('redswarm_audit_timestamp_seconds', 'When the last audit ended', ({ audit }) => audit?.atS),
    gauge('redswarm_audit_drift', 'What the last audit found wrong', ({ audit }) => audit?.drift),
    gauge(
      'redswarm_redis_memory_bytes',
      'Memory that Redis uses, all masters of a Cluster together',
      ({ server }) => server?.usedBytes,
    ),
    gauge(
      'redswarm_redis_memory_max_bytes',
      'Memory that Redis may use, all masters together; 0: no limit',
      ({ server }) => server?.maxBytes,
    ),
  ]
}
