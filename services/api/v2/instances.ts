import Type, { type Static } from 'typebox'
import { type Instance, isSilent } from '../../../lib/store/instances.ts'
import type { ApiApp } from '../context.ts'
import { ERROR_REPLIES } from '../errors.ts'
import type { V2Context } from './context.ts'

/** Processes in one answer at most: 0.1 MB of JSON. */
export const INSTANCES_MAX = 256

/** A process of the tracker. */
export const InstanceItem = Type.Object({
  id: Type.String({ description: 'Its own in every run.' }),
  roles: Type.Array(Type.String()),
  host: Type.String(),
  pid: Type.Integer(),
  version: Type.String(),
  node: Type.String({ description: 'The version of Node.' }),
  started_at: Type.Integer({ description: 'Seconds since the epoch.' }),
  told_at: Type.Integer({ description: 'When it said this; seconds since the epoch.' }),
  is_silent: Type.Boolean({ description: 'Whether it has said nothing for more than 5 s.' }),
  listens: Type.Array(Type.String()),
  rss_bytes: Type.Integer(),
  cpu_cores: Type.Number({ description: 'CPU of its last second, in cores.' }),
  requests_per_s: Type.Integer({ description: 'Connects, announces and scrapes of its last second.' }),
})

/** The processes as they are answered. */
export const instanceBodies = (instances: readonly Instance[], nowS: number): Static<typeof InstanceItem>[] =>
  instances.slice(0, INSTANCES_MAX).map((instance) => ({
    ...{ id: instance.id, roles: instance.roles, host: instance.host, pid: Math.trunc(instance.pid) },
    ...{ version: instance.version, node: instance.node, started_at: Math.floor(instance.startedAt) },
    ...{ told_at: Math.floor(instance.at), is_silent: isSilent(instance, nowS), listens: instance.listens },
    ...{ rss_bytes: Math.trunc(instance.rssBytes), cpu_cores: instance.cpuCores },
    requests_per_s: Math.trunc(instance.requestsPerS),
  }))

/** `GET /api/v2/instances`: the processes of the tracker. */
export function registerInstances(app: ApiApp, { instances, nowS }: V2Context): void {
  const schema = {
    summary: 'The processes of the tracker, by what each says of itself every second',
    description: `${INSTANCES_MAX} at most. One that was killed, or cannot reach Redis, is told as silent for 5 minutes.`,
    response: { 200: Type.Object({ instances: Type.Array(InstanceItem) }), ...ERROR_REPLIES },
  }
  app.get('/api/v2/instances', { schema }, async () => ({ instances: instanceBodies(await instances(), nowS()) }))
}
