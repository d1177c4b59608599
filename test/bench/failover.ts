// How long swarms are not served when their master dies: `npm run bench:failover -- --help`.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { median } from 'simple-statistics'
import { shown, tableOf } from '../../lib/observe/table.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { freePort } from '../support/free-port.ts'
import { startReplicatedCluster, untilPromoted } from '../support/replicas.ts'
import { startSentinels } from '../support/sentinel.ts'
import { hashOf } from '../support/store.ts'
import { UdpClient } from '../support/udp-client.ts'
import { describeMachine } from './peers/machine.ts'
import { endChild, MAIN, startChild, untilUdpServes } from './peers/process.ts'

const HELP = `npm run bench:failover -- [options]

A client announces to a UDP frontend all the time while the master of its swarm is killed (kill -9): after how long another is
master, how long the first and the longest refusal took, and after how long announces are served again.

  --node-timeouts A,B   cluster-node-timeout of Clusters of 3 masters and 3 replicas, ms (1000,2000,5000,15000)
  --down-after A,B      down-after-milliseconds of 3 Sentinels, ms (1000,2000,5000)
  --rounds N            of each (3)
  --json                print one JSON object

  npm run bench:failover -- --rounds 1 --node-timeouts 2000 --down-after 2000
`

const { values } = parseArgs({
  options: {
    'node-timeouts': { type: 'string', default: '1000,2000,5000,15000' },
    'down-after': { type: 'string', default: '1000,2000,5000' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const EVERY_MS = 5
const FAILS_MS_MAX = 120_000
const INFO_HASH = hashOf('09a')

type Round = { promotedMs: number; servedMs: number; longestMs: number }
/** A set of Redis servers one of which is killed, and what tells that another has its place. */
type RedisSet = { url: string; kill: () => void; untilPromoted: () => Promise<void>; stop: () => Promise<void> }

async function openCluster(nodeTimeoutMs: number): Promise<RedisSet> {
  const cluster = await startReplicatedCluster({ nodeTimeoutMs })
  const master = await cluster.nodeOf(makeKeys('').swarm(INFO_HASH.toString('hex')))
  const replica = cluster.replicas[cluster.nodes.indexOf(master)] as typeof master
  return {
    url: cluster.url,
    kill: () => void master.process.kill('SIGKILL'),
    untilPromoted: () => untilPromoted(replica, FAILS_MS_MAX),
    stop: cluster.stop,
  }
}

async function openSentinels(downAfterMs: number): Promise<RedisSet> {
  const set = await startSentinels({ downAfterMs })
  await set.settled()
  const master = await set.master()
  const others = set.nodes.filter((node) => node !== master)
  return {
    url: set.url,
    kill: () => void master.process().kill('SIGKILL'),
    untilPromoted: async () => {
      const roles = async () => (await Promise.all(others.map(({ redis }) => redis.role()))).map(([role]) => role)
      while (!(await roles()).includes('master')) await sleep(EVERY_MS)
    },
    stop: set.stop,
  }
}

async function measure(open: () => Promise<RedisSet>): Promise<Round> {
  const redis = await open()
  const port = await freePort()
  const env = { REDSWARM_REDIS_URL: redis.url, REDSWARM_UDP_LISTEN: `127.0.0.1:${port}` }
  const frontend = startChild(process.execPath, [MAIN, 'udp'], { env, cwd: '/' })
  try {
    await untilUdpServes(frontend, port)
    const client = await UdpClient.open(port)
    await client.connect()
    const announce = () => client.announce({ infoHash: INFO_HASH })
    await announce()
    const killedMs = performance.now()
    redis.kill()
    const promoted = redis.untilPromoted().then(() => performance.now() - killedMs)
    const served = servedAgain(announce, killedMs)
    const round = { promotedMs: await promoted, ...(await served) }
    client.close()
    return round
  } finally {
    await endChild(frontend)
    await redis.stop()
  }
}

/** When announces are served again after they were refused, and how long the longest answer until then took. */
async function servedAgain(announce: () => Promise<unknown>, killedMs: number): Promise<Omit<Round, 'promotedMs'>> {
  let longestMs = 0
  for (let wasRefused = false; performance.now() - killedMs < FAILS_MS_MAX; await sleep(EVERY_MS)) {
    const startMs = performance.now()
    const isServed = await announce().then(
      () => true,
      () => false,
    )
    longestMs = Math.max(longestMs, performance.now() - startMs)
    if (isServed && wasRefused) return { servedMs: performance.now() - killedMs, longestMs }
    wasRefused ||= !isServed
  }
  throw new Error(`not served again within ${FAILS_MS_MAX / 1000} s`)
}

async function main(): Promise<void> {
  const numbers = (text: string): number[] => text.split(',').filter(Boolean).map(Number)
  const kinds = [
    ...numbers(values['node-timeouts']).map((ms) => ({ kind: 'Cluster', ms, open: () => openCluster(ms) })),
    ...numbers(values['down-after']).map((ms) => ({ kind: 'Sentinels', ms, open: () => openSentinels(ms) })),
  ]
  const rows = []
  for (const { kind, ms, open } of kinds) {
    const rounds: Round[] = []
    for (let round = 1; round <= Number(values.rounds); round++) {
      console.error(`${kind}, ${ms} ms: round ${round} of ${values.rounds}`)
      rounds.push(await measure(open))
    }
    const middle = (of: (round: Round) => number) => median(rounds.map(of))
    const slowestMs = Math.max(...rounds.map(({ servedMs, promotedMs }) => servedMs - promotedMs))
    rows.push({
      ...{ kind, ms, promotedMs: middle((round) => round.promotedMs), servedMs: middle((round) => round.servedMs) },
      ...{ slowestMs, longestMs: middle((round) => round.longestMs) },
    })
  }
  const machine = await describeMachine()
  if (values.json) return console.log(JSON.stringify({ machine, options: values, rows }))
  console.log(`${machine.cpu}, ${machine.cores} cores; Node ${machine.node.slice(1)}, Redis ${machine.redis}`)
  console.log(
    `medians of ${values.rounds} rounds, ms from the kill; "later": from the promotion, the longest of all rounds\n`,
  )
  const head = ['', 'timeout', 'promoted', 'served', 'later', 'longest answer']
  const cells = rows.map(({ kind, ms, promotedMs, servedMs, slowestMs, longestMs }) => [
    kind,
    ...[ms, promotedMs, servedMs, slowestMs, longestMs].map((value) => shown(Math.round(value))),
  ])
  console.log(tableOf(head, cells).join('\n'))
}

exitOnSignals()
if (values.help) console.log(HELP)
else {
  try {
    await main()
  } catch (error) {
    console.error(`bench:failover: ${(error as Error).message}`)
    process.exit(2)
  }
}
