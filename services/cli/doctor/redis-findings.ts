import { shown, shownBytes } from '../../../lib/observe/table.ts'
import type { Replica, Server, ServerFacts } from '../../../lib/store/server-facts.ts'
import { type Finding, foundIf, named } from './finding.ts'

const MEMORY_SHARE_MAX = 0.9
const MEMORY_SHARE_WARN = 0.75
/** Below that a ratio says nothing: what a Redis takes at its start is not fragmented data. */
const FRAGMENTED_BYTES_MIN = 100_000_000
const FRAGMENTATION_MAX = 1.5
const CLIENTS_SHARE_MAX = 0.8
const FORK_US_MAX = 500_000
const LAG_S_MAX = 10
/** How long a replica may be away and go on where it was: a restart. */
const BACKLOG_S_MIN = 60

/** What one of the masters says of itself. */
export const serverFindings = ({ name, facts }: Server): Finding[] => named(name, redisFindings(facts))

/** What INFO tells that is wrong, and what is fine. */
export function redisFindings(server: ServerFacts): Finding[] {
  return [
    ...(server.isReplica ? [REPLICA] : []),
    memoryFinding(server),
    ...persistenceFindings(server),
    ...evictionFindings(server),
    clientsFinding(server),
    ...fragmentationFindings(server),
    ...replicationFindings(server),
  ]
}

const REPLICA: Finding = {
  severity: 'critical',
  about: 'role',
  found: 'this Redis is a replica, which takes no announce',
  todo: 'set REDSWARM_REDIS_URL to its master',
}

function memoryFinding({ usedBytes, maxBytes }: ServerFacts): Finding {
  if (maxBytes === 0) {
    return {
      severity: 'note',
      about: 'memory',
      found: `${shownBytes(usedBytes)} are used, and there is no limit (maxmemory 0)`,
      todo: 'with a limit below the memory of the machine, announces are refused when it is full, and Redis is not killed',
    }
  }
  const share = usedBytes / maxBytes
  const found = `${shownBytes(usedBytes)} of ${shownBytes(maxBytes)} are used, ${Math.round(100 * share)} %`
  const isFull = share > MEMORY_SHARE_MAX
  const todo = 'when it is full, all announces are refused: raise maxmemory, or REDSWARM_PEER_DETAILS=false'
  return foundIf(
    share > MEMORY_SHARE_WARN,
    { severity: isFull ? 'critical' : 'warning', about: 'memory', found, todo },
    found,
  )
}

function persistenceFindings({ hasAof, isAofWritten, isAofRewritten, isSnapshotSaved }: ServerFacts): Finding[] {
  const disk = 'is its disk full? look at the log of Redis'
  const findings: Finding[] = [
    foundIf(
      !hasAof,
      {
        severity: 'warning',
        about: 'persistence',
        found: 'there is no append-only file: swarms go when Redis does, but for its last snapshot',
        todo: '`redis-cli CONFIG SET appendonly yes`, and write it into redis.conf',
      },
      'there is an append-only file',
    ),
  ]
  if (!isAofWritten)
    findings.push({
      severity: 'critical',
      about: 'persistence',
      found: 'the append-only file cannot be written',
      todo: disk,
    })
  if (!isAofRewritten)
    findings.push({
      severity: 'warning',
      about: 'persistence',
      found: 'the append-only file cannot be rewritten, and grows',
      todo: disk,
    })
  if (!isSnapshotSaved) {
    const found = 'the last snapshot failed: with stop-writes-on-bgsave-error, Redis refuses every announce'
    findings.push({ severity: 'critical', about: 'persistence', found, todo: disk })
  }
  return findings
}

function evictionFindings({ evictedKeys }: ServerFacts): Finding[] {
  if (evictedKeys === 0) return []
  const found = `${shown(evictedKeys)} keys were evicted since its start, swarms among them maybe`
  const todo = 'set maxmemory-policy noeviction, and run `redswarm audit --repair`'
  return [{ severity: 'warning', about: 'eviction', found, todo }]
}

function clientsFinding({ clients, clientsMax, rejectedClients }: ServerFacts): Finding {
  const most = clientsMax === 0 ? '' : ` of ${shown(clientsMax)}`
  const rejected = rejectedClients === 0 ? '' : `, ${shown(rejectedClients)} were rejected since its start`
  const found = `${shown(clients)}${most} connections are used${rejected}`
  const isFull = clientsMax > 0 && clients / clientsMax > CLIENTS_SHARE_MAX
  const todo = 'raise maxclients of Redis; a frontend takes two connections, three where the tracker is private'
  return foundIf(isFull || rejectedClients > 0, { severity: 'warning', about: 'connections', found, todo }, found)
}

function fragmentationFindings({ fragmentation, usedBytes, lastForkUs }: ServerFacts): Finding[] {
  const isSmall = usedBytes < FRAGMENTED_BYTES_MIN
  const ratio = `Redis takes ${fragmentation.toFixed(2)} times the memory that its data take`
  const todo = '`redis-cli CONFIG SET activedefrag yes`, or restart it'
  const isFragmented = !isSmall && fragmentation > FRAGMENTATION_MAX
  const findings = [
    foundIf(
      isFragmented,
      { severity: 'warning', about: 'fragmentation', found: ratio, todo },
      isSmall ? 'the data are too few to tell' : ratio,
    ),
  ]
  if (lastForkUs > FORK_US_MAX) {
    const found = `its last fork, for a snapshot or a rewrite, held everybody up for ${shown(lastForkUs / 1000)} ms`
    findings.push({ severity: 'warning', about: 'fork', found, todo: 'transparent huge pages off, or a smaller Redis' })
  }
  return findings
}

function replicationFindings(server: ServerFacts): Finding[] {
  const { replicas, backlogBytes, replicatedBytes, uptimeS } = server
  if (replicas.length === 0) return []
  const perS = replicatedBytes / Math.max(1, uptimeS)
  const coversS = perS === 0 ? Number.POSITIVE_INFINITY : backlogBytes / perS
  const covers = coversS > 86_400 ? 'more than a day' : `${shown(coversS)} s`
  const found = `the backlog of ${shownBytes(backlogBytes)} covers ${covers} of writing`
  const todo = `a replica that is away for longer is copied to anew: raise repl-backlog-size to ${shownBytes(BACKLOG_S_MIN * perS)} at least`
  return [
    ...replicas.map((replica) => replicaFinding(replica, backlogBytes)),
    foundIf(coversS < BACKLOG_S_MIN, { severity: 'warning', about: 'replication', found, todo }, found),
  ]
}

function replicaFinding({ address, state, lagS, behindBytes }: Replica, backlogBytes: number): Finding {
  const found = `the replica ${address} is ${state}, ${shown(lagS)} s and ${shownBytes(behindBytes)} behind`
  const isBad = state !== 'online' || lagS > LAG_S_MAX || behindBytes > backlogBytes
  const todo = 'look at its log and at the network: what it lacks is lost if it takes over'
  return foundIf(isBad, { severity: 'warning', about: 'replication', found, todo }, found)
}
