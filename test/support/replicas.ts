import { temporaryFolder } from './at-exit.ts'
import { type ClusterNode, startCluster, startNode, type TestCluster } from './cluster.ts'
import { until } from './redis.ts'

/** So a test's Cluster serves what it can while a master is away, and its replicas have all within a moment. */
const ARGS = ['--cluster-require-full-coverage', 'no', '--repl-diskless-sync-delay', '0']

/** A Cluster in which each master has a replica: `replicas[i]` that of `nodes[i]`. */
export type ReplicatedCluster = TestCluster & { replicas: ClusterNode[] }

/** Starts a Cluster whose masters have a replica each; one that is silent for `nodeTimeoutMs` is followed by its own some time later. */
export async function startReplicatedCluster({ nodeTimeoutMs = 2000 } = {}): Promise<ReplicatedCluster> {
  const args = [...ARGS, '--cluster-node-timeout', String(nodeTimeoutMs)]
  const cluster = await startCluster(...args)
  const { path: folder, remove } = await temporaryFolder('replicas')
  const started = await Promise.all(cluster.nodes.map((_, i) => startNode(folder, i, cluster.nodes.length, args)))
  const replicas = started.map(({ node }) => node)
  const [first] = cluster.nodes as [ClusterNode]
  for (const { node, busPort } of started) await first.redis.call('CLUSTER', 'MEET', '127.0.0.1', node.port, busPort)
  await Promise.all(
    cluster.nodes.map(async (master, i) => {
      const { redis } = replicas[i] as ClusterNode
      const id = await master.redis.call('CLUSTER', 'MYID')
      await until('the replica to know its master', async () => {
        const known = String(await redis.call('CLUSTER', 'NODES')).split('\n')
        return known.length > 2 * replicas.length && known.some((line) => line.startsWith(String(id)))
      })
      await redis.call('CLUSTER', 'REPLICATE', id as string)
      await until('the replica to have all', async () => (await redis.info('replication')).includes('link_status:up'))
    }),
  )
  await until('all to know the replicas', async () => {
    const told = await Promise.all(cluster.nodes.map(({ redis }) => redis.call('CLUSTER', 'NODES')))
    return told.every((text) => String(text).split(' slave ').length > replicas.length)
  })
  return {
    ...cluster,
    replicas,
    async stop() {
      await Promise.all(started.map(({ stop }) => stop()))
      await remove()
      await cluster.stop()
    },
  }
}

/** Waits until a replica is a master. */
export const untilPromoted = ({ redis }: ClusterNode, msMax = 10_000): Promise<void> =>
  until('the replica to be promoted', async () => ((await redis.role()) as unknown[])[0] === 'master', msMax)
