// What nginx before two frontends loses and costs: `npm run bench:balancer -- --help`.
import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { median } from 'simple-statistics'
import { shown } from '../../lib/observe/table.ts'
import { exitOnSignals } from '../support/at-exit.ts'
import { missingNginx } from '../support/balancer.ts'
import { until } from '../support/redis.ts'
import { startBalanced } from './balancer/frontends.ts'
import { EVENTS, type Loss, measureLoss, type Phase } from './balancer/loss.ts'
import { runLoad } from './peers/load.ts'
import { describeMachine } from './peers/machine.ts'
import { type Protocol, urlOf } from './peers/tracker.ts'
import { figure, markdownTable } from './table.ts'

const HELP = `npm run bench:balancer -- [options]

Two frontends behind nginx, by infra/nginx: announces at a steady rate that are lost while one frontend is killed, hangs, or both are
restarted one after the other; and CPU per response of nginx, the frontends and Redis, next to a frontend without nginx.

  --protocols A,B  udp, http, or both (udp,http)
  --rate N         announces a second while something happens (1000); over HTTP, each on a connection of its own, a fourth of it
  --away N         seconds that a frontend is away (10)
  --rounds N       turns of the costs; 0: none (3)
  --seconds N      measured seconds of each (5)
  --json           print one JSON object

  npm run bench:balancer -- --protocols udp --rate 200 --away 3 --rounds 1 --seconds 2
`

const { values } = parseArgs({
  options: {
    protocols: { type: 'string', default: 'udp,http' },
    rate: { type: 'string', default: '1000' },
    away: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const SHARE: Record<Protocol, number> = { udp: 1, http: 0.25 }

/** CPU µs per response. */
type Cost = { protocol: Protocol; way: string; nginx: number; frontends: number; redis: number; responsesPerS: number }

/** The processes that a process has started. */
const childrenOf = (parent: number): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && parentOf(pid) === parent)

function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    // It has ended meanwhile.
    return undefined
  }
}

/** One frontend asked by clients themselves, and two behind nginx, in turns. */
async function measureCost(protocol: Protocol): Promise<Cost[]> {
  const balanced = await startBalanced(protocol)
  try {
    await until('the workers of nginx', () => childrenOf(balanced.nginxPid).length > 0)
    const ways: { way: string; port: number; pids: Record<string, number> }[] = [
      { way: 'without nginx', port: balanced.direct.port, pids: { frontend: balanced.direct.pid } },
      {
        ...{ way: 'nginx', port: balanced.port },
        pids: {
          ...Object.fromEntries(childrenOf(balanced.nginxPid).map((pid, i) => [`nginx ${i}`, pid])),
          ...Object.fromEntries(balanced.frontends.map(({ process }, i) => [`frontend ${i}`, process().pid])),
        },
      },
    ]
    const shape = { seconds: Number(values.seconds), torrents: 1000, peers: 2000, numwant: 30 }
    const rounds: Cost[][] = []
    for (let round = 1; round <= Number(values.rounds); round++) {
      const costs: Cost[] = []
      for (const { way, port, pids } of ways) {
        console.error(`${protocol}, ${way}: round ${round} of ${values.rounds}`)
        const tracker = { url: urlOf(protocol, port), pids: { ...pids, Redis: balanced.redisPid } }
        const { cpuUsPerResponse: us, responsesPerS } = await runLoad(tracker, shape, {
          more: ['--outstanding', '256'],
        })
        const of = (kind: string) =>
          Object.entries(us).reduce((sum, [name, each]) => sum + (name.startsWith(kind) ? each : 0), 0)
        costs.push({ protocol, way, nginx: of('nginx'), frontends: of('frontend'), redis: of('Redis'), responsesPerS })
      }
      rounds.push(costs)
    }
    return ways.map(({ way }, i) => {
      const middle = (of: (cost: Cost) => number) => median(rounds.map((costs) => of(costs[i] as Cost)))
      return {
        ...{ protocol, way, nginx: middle(({ nginx }) => nginx), frontends: middle(({ frontends }) => frontends) },
        ...{ redis: middle(({ redis }) => redis), responsesPerS: middle((cost) => cost.responsesPerS) },
      }
    })
  } finally {
    await balanced.stop()
  }
}

async function main(): Promise<void> {
  const missing = missingNginx()
  if (missing) throw new Error(missing)
  const protocols = values.protocols.split(',') as Protocol[]
  const losses: Loss[] = []
  for (const protocol of protocols) {
    for (const event of EVENTS) {
      console.error(`${protocol}: ${event.name}`)
      losses.push(await measureLoss(protocol, event, Number(values.rate) * SHARE[protocol], Number(values.away)))
    }
  }
  const costs = Number(values.rounds) > 0 ? await inTurn(protocols) : []
  const machine = await describeMachine()
  if (values.json) return console.log(JSON.stringify({ machine, options: values, losses, costs }))
  console.log(`${machine.cpu}, ${machine.cores} cores; Node ${machine.node.slice(1)}, Redis ${machine.redis}\n`)
  const phase = ({ asked, lost }: Phase) => `${shown(lost)} of ${shown(asked)}`
  const lossRows = losses.map(({ protocol, event, before, during, after }) => [
    `${protocol.toUpperCase()}: ${event}`,
    ...[phase(before), phase(during), phase(after), `${shown(Math.max(during.slowestMs, after.slowestMs))} ms`],
  ])
  console.log(markdownTable(['lost', 'before', 'meanwhile', 'after', 'slowest answer'], lossRows))
  if (costs.length === 0) return
  const costRows = costs.map(({ protocol, way, nginx, frontends, redis, responsesPerS }) => [
    `${protocol.toUpperCase()}, ${way}`,
    ...[figure(nginx), figure(frontends), figure(redis), figure(nginx + frontends + redis), shown(responsesPerS)],
  ])
  console.log(
    `\n${markdownTable(['CPU µs per response', 'nginx', 'frontends', 'Redis', 'all', 'responses/s'], costRows)}`,
  )
}

async function inTurn(protocols: readonly Protocol[]): Promise<Cost[]> {
  const costs: Cost[] = []
  for (const protocol of protocols) costs.push(...(await measureCost(protocol)))
  return costs
}

exitOnSignals()
if (values.help) console.log(HELP)
else {
  try {
    await main()
  } catch (error) {
    console.error(`bench:balancer: ${(error as Error).message}`)
    process.exit(2)
  }
}
