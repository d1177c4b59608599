import { availableParallelism, hostname } from 'node:os'
import { parseRedisUrl } from '../../../lib/config/redis-url.ts'
import { loadSettings, type Settings } from '../../../lib/config/settings.ts'
import { isRedisReply, messageOf, OperatorError } from '../../../lib/errors.ts'
import { makeLog } from '../../../lib/observe/log.ts'
import { checkLayout } from '../../../lib/store/audit/layout.ts'
import { checkServer } from '../../../lib/store/check-server.ts'
import { connectRedis } from '../../../lib/store/connect.ts'
import { isSilent } from '../../../lib/store/instances.ts'
import { makeKeys } from '../../../lib/store/keys.ts'
import { isCluster, nodeName, nodesOf } from '../../../lib/store/nodes.ts'
import { readServers } from '../../../lib/store/server-facts.ts'
import { readTrackerFacts } from '../operate/state.ts'
import type { Outside } from '../outside.ts'
import { findRedis, type Target } from '../redis.ts'
import { type Finding, named } from './finding.ts'
import { type Machine, machineFindings } from './machine-findings.ts'
import { serverFindings } from './redis-findings.ts'
import { configFindings, measureRedis, slowFindings } from './redis-measures.ts'
import { coverageFindings, setFindings } from './set-findings.ts'
import { isLoopback, settingsFindings } from './settings-findings.ts'
import { type TrackerFacts, trackerFindings } from './tracker-findings.ts'

/** What was found, and whether all that matters could be looked at. */
export type Diagnosis = { redis: string | undefined; isWhole: boolean; findings: Finding[] }

/** Looks at the machine, Redis and the tracker. What Redis refuses to answer is told, and the rest looked at. */
export async function diagnose({ nowMs }: Outside, machine: Machine): Promise<Diagnosis> {
  const opened = await openRedis()
  if (!('target' in opened)) {
    const findings = [...opened.findings, ...machineFindings(machine, { hasRedis: undefined, pids: [] })]
    return { redis: undefined, isWhole: false, findings }
  }
  const { target, isHere } = opened
  let facts: TrackerFacts | undefined
  const looks: Look[] = [
    ['Redis', () => fitnessFindings(target)],
    ['Redis', async () => (await readServers(target.redis)).flatMap(serverFindings)],
    ['Redis', () => setFindings(target)],
    ['coverage', () => coverageFindings(target)],
    ['layout', () => layoutFindings(target)],
    ...ofEach(target, 'latency', (master) => measureRedis(master, nowMs)),
    ...ofEach(target, 'appendfsync', configFindings),
    ...ofEach(target, 'slow log', slowFindings),
    [
      'processes',
      async () => {
        facts = await readTrackerFacts(target)
        return trackerFindings(facts)
      },
    ],
    ['settings', () => settingsFindings(target, availableParallelism())],
    ['machine', async () => machineFindings(machine, { hasRedis: isHere, pids: facts ? pidsHere(facts) : [] })],
  ]
  try {
    const findings: Finding[] = []
    for (const [about, look] of looks) findings.push(...(await lookAt(about, look)))
    return { redis: target.name, isWhole: true, findings }
  } catch (error) {
    throw new OperatorError(`Redis went away while it was looked at: ${messageOf(error)}`)
  } finally {
    target.redis.disconnect()
  }
}

type Look = [about: string, look: () => Promise<Finding[]>]

/** A look at each of the masters, which are named where there are several. */
const ofEach = ({ redis, ...target }: Target, about: string, look: (master: Target) => Promise<Finding[]>): Look[] =>
  nodesOf(redis)
    .all()
    .map((node) => [
      about,
      async () =>
        named(isCluster(redis) ? nodeName(node) : '', await lookAt(about, () => look({ ...target, redis: node }))),
    ])

/** A Redis that answers with an error cannot be looked at there; one that does not answer ends it all. */
async function lookAt(about: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look()
  } catch (error) {
    if (!isRedisReply(error)) throw error
    return [{ severity: 'unknown', about, found: `Redis refuses it: ${messageOf(error)}` }]
  }
}

type Opened = { target: Target; isHere: boolean } | { findings: Finding[] }

/** The Redis of the settings, however wrong it is for a tracker; else what keeps it from being looked at. */
async function openRedis(): Promise<Opened> {
  let settings: Settings
  try {
    settings = loadSettings(process.env)
  } catch (error) {
    return { findings: problemsOf('settings', error) }
  }
  try {
    const { url, name } = await findRedis(settings, 'look into')
    let nowS = 0
    const redis = await connectRedis(url, makeLog('silent', false), async (opened) => {
      nowS = Number((await opened.time())[0])
    })
    const isHere = parseRedisUrl(url).hosts.every(({ host }) => isLoopback(host))
    const keys = makeKeys(settings.keyPrefix)
    return { target: { redis, name, keys, settings, nowS }, isHere }
  } catch (error) {
    return { findings: problemsOf('Redis', error) }
  }
}

/** The first line of an operator's error says what is wrong, the second what to do; of settings, each line one problem. */
function problemsOf(about: string, error: unknown): Finding[] {
  const [found = '', ...rest] = messageOf(error)
    .split('\n')
    .map((line) => line.trim())
  if (about === 'settings' && rest.length > 0) return rest.map((each) => ({ severity: 'critical', about, found: each }))
  const [todo] = rest
  return [{ severity: 'critical', about, found, ...(todo !== undefined && { todo }) }]
}

async function fitnessFindings(target: Target): Promise<Finding[]> {
  try {
    await checkServer(target.redis, makeLog('silent', false))
    return (await readServers(target.redis)).flatMap(({ name, facts: { kind, version } }) =>
      named(name, [{ severity: 'fine', about: 'Redis', found: `${kind} ${version}, which evicts nothing` }]),
    )
  } catch (error) {
    if (error instanceof OperatorError) return problemsOf('Redis', error)
    throw error
  }
}

async function layoutFindings({ redis, keys }: Target): Promise<Finding[]> {
  try {
    await checkLayout(redis, keys)
    return [{ severity: 'fine', about: 'layout', found: 'the keys are of the layout that this version keeps' }]
  } catch (error) {
    if (error instanceof OperatorError) return problemsOf('layout', error)
    throw error
  }
}

const pidsHere = ({ instances, nowS }: TrackerFacts): number[] =>
  instances.filter((each) => each.host === hostname() && !isSilent(each, nowS)).map(({ pid }) => pid)
