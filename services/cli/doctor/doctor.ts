import { availableParallelism, hostname } from 'node:os'
import { parseRedisUrl } from '../../../lib/config/redis-url.ts'
import { loadSettings, type Settings } from '../../../lib/config/settings.ts'
import { isRedisReply, messageOf, OperatorError } from '../../../lib/errors.ts'
import { checkLayout } from '../../../lib/store/audit/layout.ts'
import { type AwayMasters, findAway, readPart } from '../../../lib/store/away-masters.ts'
import { checkInfo } from '../../../lib/store/check-server.ts'
import { endConnection, type RedisClient } from '../../../lib/store/client.ts'
import { readTime } from '../../../lib/store/clock.ts'
import { connectRedis } from '../../../lib/store/connect.ts'
import { isSilent } from '../../../lib/store/instances.ts'
import { makeKeys } from '../../../lib/store/keys.ts'
import { isCluster, nodeName, nodesOf } from '../../../lib/store/nodes.ts'
import { makeSwarmReader } from '../../../lib/store/reader.ts'
import { serverFactsOf } from '../../../lib/store/server-facts.ts'
import { readTrackerFacts } from '../operate/state.ts'
import type { Outside } from '../outside.ts'
import { findRedis, type Target } from '../redis.ts'
import { type Finding, named } from './finding.ts'
import { type Machine, machineFindings } from './machine-findings.ts'
import { redisFindings } from './redis-findings.ts'
import { configFindings, measureRedis, slowFindings } from './redis-measures.ts'
import { secretFileFindings } from './secret-files.ts'
import { awayFindings, coverageFindings, setFindings } from './set-findings.ts'
import { isLoopback, settingsFindings } from './settings-findings.ts'
import { notRead, type TrackerFacts, torrentsFindings, trackerFindings } from './tracker-findings.ts'

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
  const away = await findAway(target.redis, target.keys)
  const masters = mastersOf(target, away)
  const isOne = !isCluster(target.redis)
  let facts: TrackerFacts | undefined
  const looks: Look[] = [
    ...ofEach(masters, 'Redis', ({ redis }) => fitnessFindings(redis, !isOne)),
    ...ofEach(masters, 'Redis', async ({ redis }) => redisFindings(serverFactsOf(await redis.info()))),
    ['Redis', () => setFindings(target)],
    ['coverage', () => coverageFindings(target)],
    ['layout', () => layoutFindings(target, away)],
    ...ofEach(masters, 'latency', (master) => measureRedis(master, nowMs)),
    ...ofEach(masters, 'appendfsync', configFindings),
    ...ofEach(masters, 'slow log', slowFindings),
    [
      'processes',
      async () => {
        facts = await readTrackerFacts(target, away)
        return trackerFindings(facts)
      },
    ],
    [
      'torrents',
      async () => {
        const { torrents } = await makeSwarmReader(target).totals(away)
        return torrentsFindings(torrents, target.settings.limits.torrentsMax)
      },
    ],
    ['settings', () => settingsFindings(target, availableParallelism())],
    ['secrets', async () => secretFileFindings(target.settings, process.cwd())],
    ['machine', async () => machineFindings(machine, { hasRedis: isHere, pids: facts ? pidsHere(facts) : [] })],
  ]
  try {
    const findings: Finding[] = awayFindings(away)
    for (const [about, look] of looks) findings.push(...(await lookAt(about, look, isOne)))
    return { redis: target.name, isWhole: true, findings }
  } catch (error) {
    throw new OperatorError(`Redis went away while it was looked at: ${messageOf(error)}`)
  } finally {
    endConnection(target.redis)
  }
}

type Look = [about: string, look: () => Promise<Finding[]>]

/** One that swarms are on: named where there are several. */
type Master = { name: string; target: Target }

/** Those that answer: one that refuses its keys may still tell how it is. */
function mastersOf(target: Target, { all }: AwayMasters): Master[] {
  const { redis } = target
  if (!isCluster(redis)) return [{ name: '', target }]
  const hanging = new Set(all.filter(({ cause }) => cause === 'slow').map(({ address }) => address))
  return nodesOf(redis)
    .all()
    .map((node) => ({ name: nodeName(node), target: { ...target, redis: node } }))
    .filter(({ name, target: { redis: node } }) => node.status === 'ready' && !hanging.has(name))
}

/** A look at each of some masters. */
const ofEach = (masters: readonly Master[], about: string, look: (master: Target) => Promise<Finding[]>): Look[] =>
  masters.map(({ name, target }) => [
    about,
    async () => named(name, await lookAt(about, () => look(target), name === '')),
  ])

/**
 * A Redis that answers with an error cannot be looked at there; one that does not answer ends it all, where it is the only
 * one.
 */
async function lookAt(about: string, look: () => Promise<Finding[]>, isOne: boolean): Promise<Finding[]> {
  try {
    return await look()
  } catch (error) {
    if (isRedisReply(error)) return [{ severity: 'unknown', about, found: `Redis refuses it: ${messageOf(error)}` }]
    if (isOne) throw error
    return [{ severity: 'unknown', about, found: `it cannot be looked at: ${messageOf(error)}` }]
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
    const redis = await connectRedis(url, async (opened) => {
      nowS = Number((await readTime(opened))[0])
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

async function fitnessFindings(redis: RedisClient, isNode: boolean): Promise<Finding[]> {
  const info = await redis.info()
  try {
    checkInfo(info, { isCluster: isNode })
    const { kind, version } = serverFactsOf(info)
    return [{ severity: 'fine', about: 'Redis', found: `${kind} ${version}, which evicts nothing` }]
  } catch (error) {
    if (error instanceof OperatorError) return problemsOf('Redis', error)
    throw error
  }
}

async function layoutFindings({ redis, keys }: Target, away: AwayMasters): Promise<Finding[]> {
  try {
    const read = await readPart(redis, away, keys.schema, (node) => checkLayout(node, keys))
    if (read === 'away') return [notRead('layout')]
    return [{ severity: 'fine', about: 'layout', found: 'the keys are of the layout that this version keeps' }]
  } catch (error) {
    if (error instanceof OperatorError) return problemsOf('layout', error)
    throw error
  }
}

const pidsHere = ({ instances, nowS }: TrackerFacts): number[] =>
  (instances === 'away' ? [] : instances)
    .filter((each) => each.host === hostname() && !isSilent(each, nowS))
    .map(({ pid }) => pid)
