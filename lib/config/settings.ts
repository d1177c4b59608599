import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import envSchema from 'env-schema'
import { messageOf, OperatorError } from '../errors.ts'
import { type Network, parseNetworks } from '../wire/network.ts'
import { type Limits, readLimits } from './limits.ts'
import { type Listen, parseListens } from './listen.ts'
import { parseRedisUrl } from './redis-url.ts'
import { type Property, type RawSettings, settingsSchema } from './schema.ts'
import { type ApiToken, parseTokens } from './tokens.ts'

/** The settings as the program uses them: read once, complete or not at all. */
export type Settings = {
  redisUrl: string | undefined
  redisServer: string | undefined
  keyPrefix: string
  udpListens: Listen[]
  udpProcesses: number
  httpListens: Listen[]
  httpProcesses: number
  apiListens: Listen[]
  healthListens: Listen[]
  metricsListens: Listen[]
  /** Whether they are set: else a port that is taken gives way to a free one. */
  isMetricsListenGiven: boolean
  apiToken: string | undefined
  apiTokens: ApiToken[]
  listed: boolean
  isPrivate: boolean
  eventsMax: number
  announceIntervalS: number
  announceMinIntervalS: number
  peerLifetimeS: number
  sweepIntervalS: number
  numwantDefault: number
  numwantMax: number
  peerDetails: boolean
  connectionIdLifetimeS: number
  dataDir: string
  secret: string | undefined
  trustedProxies: Network[]
  limits: Limits
  logLevel: string
}

type Environment = Record<string, string | undefined>
type Given = Record<string, string>

/** The largest share that is added to an announce interval; the frontends' own constant, held equal by a test. */
const INTERVAL_SPREAD = 0.1
/** What Kubernetes puts into the environment for a Service that is named redswarm or redswarm-something. */
const KUBERNETES_NAMES =
  /^REDSWARM(_.+)?_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/
/** `REDSWARM_UDP_PORT` is one of these too, but only as a URL: as a number it is somebody's mistake. */
const KUBERNETES_PORT = /^REDSWARM(_.+)?_PORT=(tcp|udp|sctp):/

/**
 * Reads the settings from the environment and, under it, a `.env` file in the working folder. Throws an OperatorError
 * that names every problem at once.
 */
export function loadSettings(environment: Environment, dotenv: boolean | { path: string } = true): Settings {
  const problems: string[] = []
  const given = readGiven(environment, dotenv, problems)
  const { raw, isWhole } = readRaw(given, problems)
  const settings = convert(raw, given, problems)
  if (isWhole) checkTogether(settings, problems)
  if (problems.length > 0)
    throw new OperatorError(
      ['invalid configuration (every setting is in docs/configuration.md)', ...problems].join('\n  '),
    )
  return settings
}

/** What is set of the settings there are. */
function readGiven(environment: Environment, dotenv: boolean | { path: string }, problems: string[]): Given {
  const known = new Set(Object.keys(settingsSchema.properties))
  const given: Given = {}
  const inFile = readDotenv(dotenv)
  for (const name of new Set([...Object.keys(inFile), ...Object.keys(environment)])) {
    // Empty is as unset: Compose files give what is not set as empty.
    const value = environment[name] || (inFile[name] ?? environment[name])
    if (value === undefined) continue
    if (known.has(name)) {
      if (value !== '') given[name] = value
    } else if (isUnknown(name, value)) problems.push(`${name}: no such setting`)
  }
  return given
}

function readDotenv(dotenv: boolean | { path: string }): Environment {
  if (dotenv === false) return {}
  const path = dotenv === true ? '.env' : dotenv.path
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new OperatorError(`cannot read ${path}: ${messageOf(error)}`)
  }
}

const isUnknown = (name: string, value: string): boolean =>
  name.startsWith('REDSWARM_') && !KUBERNETES_NAMES.test(name) && !KUBERNETES_PORT.test(`${name}=${value}`)

/** What is wrong is told, and its default put in its place, so that all the rest can be looked at too. */
function readRaw(given: Given, problems: string[]): { raw: RawSettings; isWhole: boolean } {
  const validate = (data: Given) =>
    envSchema<RawSettings>({ schema: structuredClone(settingsSchema), data, env: false })
  try {
    return { raw: validate(given), isWhole: true }
  } catch (error) {
    const wrong = schemaProblems(error)
    for (const [name, text] of wrong) problems.push(`${name}: ${text}`)
    const right = Object.fromEntries(Object.entries(given).filter(([name]) => !wrong.has(name)))
    return { raw: validate(right), isWhole: false }
  }
}

type SchemaError = { instancePath: string; message?: string; keyword: string }

/** The names of the settings that are wrong, and why. */
function schemaProblems(error: unknown): Map<string, string> {
  const errors = (error as { errors?: SchemaError[] }).errors
  if (!errors) throw error
  const told = new Map<string, string>()
  for (const { instancePath, message, keyword } of errors) {
    const name = instancePath.slice(1)
    const text = keyword === 'enum' ? choiceText(name) : (message ?? 'is wrong')
    if (!told.has(name)) told.set(name, text)
  }
  return told
}

function choiceText(name: string): string {
  const property = (settingsSchema.properties as Record<string, Property>)[name]
  return `must be one of ${property?.enum?.join(', ')}`
}

const KEY_PREFIX = /^[!-z|~]*$/

function convert(raw: RawSettings, given: Given, problems: string[]): Settings {
  const checked = <T>(name: keyof RawSettings, rule: string, value: T | undefined): T => {
    if (value === undefined) problems.push(`${name}: ${rule}`)
    return value as T
  }
  const listens = (name: `REDSWARM_${'UDP' | 'HTTP' | 'API' | 'HEALTH' | 'METRICS'}_LISTEN`) =>
    checked(name, `must be like 0.0.0.0:6969,[::]:6969, not ${raw[name]}`, parseListens(raw[name]))
  const { REDSWARM_REDIS_URL: redisUrl, REDSWARM_KEY_PREFIX: keyPrefix } = raw
  if (redisUrl !== undefined) checkRedisUrl(redisUrl, problems)
  if (!KEY_PREFIX.test(keyPrefix)) {
    problems.push('REDSWARM_KEY_PREFIX: must be ASCII letters, digits and marks, without spaces, { and }')
  }
  return {
    redisUrl,
    redisServer: raw.REDSWARM_REDIS_SERVER,
    keyPrefix,
    udpListens: listens('REDSWARM_UDP_LISTEN'),
    udpProcesses: raw.REDSWARM_UDP_PROCESSES,
    httpListens: listens('REDSWARM_HTTP_LISTEN'),
    httpProcesses: raw.REDSWARM_HTTP_PROCESSES,
    apiListens: listens('REDSWARM_API_LISTEN'),
    healthListens: listens('REDSWARM_HEALTH_LISTEN'),
    metricsListens: listens('REDSWARM_METRICS_LISTEN'),
    isMetricsListenGiven: given.REDSWARM_METRICS_LISTEN !== undefined,
    apiToken: raw.REDSWARM_API_TOKEN,
    apiTokens: readTokens(raw, problems),
    listed: raw.REDSWARM_LISTED,
    isPrivate: raw.REDSWARM_PRIVATE,
    eventsMax: raw.REDSWARM_EVENTS_MAX,
    announceIntervalS: raw.REDSWARM_ANNOUNCE_INTERVAL_S,
    announceMinIntervalS: raw.REDSWARM_ANNOUNCE_MIN_INTERVAL_S,
    peerLifetimeS: raw.REDSWARM_PEER_LIFETIME_S,
    sweepIntervalS: raw.REDSWARM_SWEEP_INTERVAL_S,
    numwantDefault: raw.REDSWARM_NUMWANT_DEFAULT,
    numwantMax: raw.REDSWARM_NUMWANT_MAX,
    peerDetails: raw.REDSWARM_PEER_DETAILS,
    connectionIdLifetimeS: raw.REDSWARM_CONNECTION_ID_LIFETIME_S,
    dataDir: resolve(raw.REDSWARM_DATA_DIR),
    secret: raw.REDSWARM_SECRET,
    trustedProxies: checked(
      'REDSWARM_TRUSTED_PROXIES',
      'must be addresses or networks like 10.0.0.0/8, with commas between',
      parseNetworks(raw.REDSWARM_TRUSTED_PROXIES),
    ),
    limits: readLimits(raw, checked, longestIntervalS(raw)),
    logLevel: raw.REDSWARM_LOG_LEVEL,
  }
}

/** What a peer's lifetime must be longer than. Rounded as an interval is before it is told; rounded up, 1800 * 1.1 would be 1981. */
const lifetimeAfter = (intervalS: number, sweepIntervalS: number): number =>
  Math.round(intervalS * (1 + INTERVAL_SPREAD)) + sweepIntervalS

/** The longest interval that a peer's lifetime leaves. */
const longestIntervalS = (raw: RawSettings): number =>
  Math.floor((raw.REDSWARM_PEER_LIFETIME_S - raw.REDSWARM_SWEEP_INTERVAL_S - 1) / (1 + INTERVAL_SPREAD))

function checkRedisUrl(url: string, problems: string[]): void {
  try {
    parseRedisUrl(url)
  } catch (error) {
    problems.push(messageOf(error))
  }
}

function readTokens({ REDSWARM_API_TOKENS: text = '' }: RawSettings, problems: string[]): ApiToken[] {
  const read = parseTokens(text)
  if (read.problem === undefined) return read.tokens
  problems.push(`REDSWARM_API_TOKENS: ${read.problem}`)
  return []
}

function checkTogether(settings: Settings, problems: string[]): void {
  const { announceIntervalS, announceMinIntervalS, peerLifetimeS, sweepIntervalS, numwantDefault, numwantMax } =
    settings
  const twin = settings.apiTokens.find(({ token }) => token === settings.apiToken)
  if (twin) problems.push(`REDSWARM_API_TOKENS: the token of ${twin.name} must not be REDSWARM_API_TOKEN`)
  const { announceIntervalMaxS } = settings.limits
  if (announceIntervalMaxS < announceIntervalS) {
    problems.push('REDSWARM_ANNOUNCE_INTERVAL_MAX_S: must not be less than REDSWARM_ANNOUNCE_INTERVAL_S')
  }
  const lifetimeLeastS = lifetimeAfter(announceIntervalMaxS, sweepIntervalS)
  if (peerLifetimeS <= lifetimeLeastS) {
    const sum = `${announceIntervalMaxS} s of interval, 10 % of spread, ${sweepIntervalS} s of sweep`
    problems.push(`REDSWARM_PEER_LIFETIME_S: must be more than ${lifetimeLeastS} (${sum}), or live peers are swept`)
  }
  if (announceMinIntervalS > announceIntervalS) {
    problems.push('REDSWARM_ANNOUNCE_MIN_INTERVAL_S: must not be more than REDSWARM_ANNOUNCE_INTERVAL_S')
  }
  if (numwantDefault > numwantMax) {
    problems.push('REDSWARM_NUMWANT_DEFAULT: must not be more than REDSWARM_NUMWANT_MAX')
  }
}
