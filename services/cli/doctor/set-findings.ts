import { parseRedisUrl } from '../../../lib/config/redis-url.ts'
import { shown } from '../../../lib/observe/table.ts'
import { type AwayMasters, awayText } from '../../../lib/store/away-masters.ts'
import { fieldsOf } from '../../../lib/store/check-server.ts'
import type { RedisClient, RedisNode } from '../../../lib/store/client.ts'
import { isCluster, nodeName, nodesOf } from '../../../lib/store/nodes.ts'
import { readSentinels, type SentinelFacts } from '../../../lib/store/sentinels.ts'
import type { Target } from '../redis.ts'
import { type Finding, foundIf } from './finding.ts'

const SLOTS = 16_384
/** Two of three agree when one is gone. */
const SENTINELS_LEAST = 3

/** Which masters of a Cluster are away, and why. */
export const awayFindings = ({ all }: AwayMasters): Finding[] =>
  all.map((master) => ({
    ...{ severity: 'critical', about: 'Redis', found: awayText(master) },
    todo: 'its swarms are refused until it is back, or a replica takes its place',
  }))

/** What is wrong with a Cluster as a whole, or with the Sentinels of a master, and what is fine; nothing of one Redis alone. */
export async function setFindings(target: Target): Promise<Finding[]> {
  if (isCluster(target.redis)) return clusterFindings(target)
  const { redisUrl } = target.settings
  const address = redisUrl === undefined ? undefined : parseRedisUrl(redisUrl)
  return address?.kind === 'sentinel' ? sentinelFindings(await readSentinels(address.options)) : []
}

/** What the masters that answer say; the error of one where none does. */
async function askAll<T>(redis: RedisClient, ask: (node: RedisNode) => Promise<T>): Promise<T[]> {
  const answers = await Promise.allSettled(nodesOf(redis).all().map(ask))
  const told = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  const [first] = answers
  if (told.length === 0 && first?.status === 'rejected') throw first.reason
  return told
}

async function clusterFindings({ redis }: Target): Promise<Finding[]> {
  const told = await askAll(redis, async (node) => {
    const [info, replication] = [await node.cluster('INFO'), await node.info('replication')]
    const replicas = fieldsOf(replication).get('connected_slaves')
    return { name: nodeName(node), info: fieldsOf(String(info)), replicas }
  })
  const down = told.filter(({ info }) => info.get('cluster_state') !== 'ok').map(({ name }) => name)
  const servedBy = ({ info }: (typeof told)[number]) => Number(info.get('cluster_slots_ok'))
  const served = Math.min(...told.map(servedBy))
  const alone = told.filter(({ replicas }) => replicas === '0').map(({ name }) => name)
  return [
    foundIf(
      down.length > 0 || served < SLOTS,
      {
        severity: 'critical',
        about: 'Cluster',
        found: `${shown(SLOTS - served)} of ${shown(SLOTS)} slots are not served${down.length > 0 ? `, and cluster_state is not ok by the word of ${down.join(', ')}` : ''}`,
        todo: '`redis-cli --cluster check HOST:PORT` says which: announces of their swarms are refused',
      },
      `${shown(told.length)} masters have all slots`,
    ),
    foundIf(
      alone.length > 0,
      {
        severity: 'warning',
        about: 'Cluster',
        found: `no replica follows ${alone.join(', ')}`,
        todo: 'when that master goes, so do its swarms: `redis-cli --cluster add-node NEW:PORT HOST:PORT --cluster-slave`',
      },
      'each master has a replica',
    ),
  ]
}

/** Whether a Cluster goes on where one of its masters is away; only CONFIG tells. */
export async function coverageFindings({ redis }: Target): Promise<Finding[]> {
  if (!isCluster(redis)) return []
  const name = 'cluster-require-full-coverage'
  const told = await askAll(redis, async (node) => ({
    name: nodeName(node),
    isStopping: ((await node.config('GET', name)) as string[])[1] === 'yes',
  }))
  const stopping = told.filter(({ isStopping }) => isStopping).map((each) => each.name)
  return [
    foundIf(
      stopping.length > 0,
      {
        severity: 'warning',
        about: 'coverage',
        found: `${name} is yes on ${stopping.join(', ')}: while the slots of one master are away, all others refuse too`,
        todo: `\`redis-cli CONFIG SET ${name} no\` on each node, replicas too, and write it into redis.conf`,
      },
      `${name} no: where one master is away, the others serve`,
    ),
  ]
}

function sentinelFindings(all: readonly SentinelFacts[]): Finding[] {
  const about = 'Sentinels'
  const told = all.filter((each) => each.problem === undefined)
  const silent = all.filter((each) => each.problem !== undefined)
  const masters = new Set(told.map(({ master }) => master))
  const [sample] = told
  const most = Math.max(...told.map(({ others }) => others + 1))
  const findings: Finding[] = silent.map(({ address, problem }) => ({
    ...{ severity: 'warning', about, found: `${address} cannot be asked: ${problem}` },
    todo: 'without most of them, nobody makes another Redis the master',
  }))
  for (const { address, quorum } of told) {
    if (quorum === undefined) continue
    const todo = 'no failover would come about: start the Sentinels that are away'
    findings.push({ severity: 'critical', about, found: `${address}: ${quorum}`, todo })
  }
  if (masters.size > 1) {
    const found = `they do not agree on the master: ${[...masters].join(', ')}`
    findings.push({
      severity: 'critical',
      about,
      found,
      todo: 'wait for a failover to end, or `SENTINEL RESET` those behind',
    })
  }
  if (sample && most < SENTINELS_LEAST) {
    const found = `there are ${shown(most)}, so that none may be away`
    findings.push({ severity: 'warning', about, found, todo: 'run three, on machines of their own' })
  }
  if (sample && told.every(({ replicas }) => replicas === 0)) {
    findings.push({
      severity: 'warning',
      about,
      found: `no replica follows ${sample.master}`,
      todo: 'when it goes, so do all swarms',
    })
  }
  if (sample && findings.length === 0)
    findings.push({ severity: 'fine', about, found: `${shown(told.length)} agree on the master ${sample.master}` })
  return findings
}
