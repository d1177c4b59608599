import type { MetricSource } from '../../lib/observe/metrics.ts'

/** Metrics that every process has, whatever its roles. */
export const processMetrics = ({
  version,
  roles,
  isRedisUp,
}: {
  version: string
  roles: readonly string[]
  isRedisUp: () => boolean
}): MetricSource[] => [
  {
    name: 'redswarm_info',
    help: 'The version that runs, and the roles of this process; always 1',
    type: 'gauge',
    read: () => [[{ version, roles: roles.join(',') }, 1]],
  },
  {
    name: 'redswarm_redis_up',
    help: 'Whether Redis serves this process',
    type: 'gauge',
    read: () => [[{}, isRedisUp() ? 1 : 0]],
  },
]
