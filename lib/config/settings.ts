import { resolve } from 'node:path'
import envSchema from 'env-schema'
import { OperatorError } from '../errors.ts'
import { type Listen, parseListens, parseNetworks } from './listen.ts'
import { type RawSettings, settingsSchema } from './schema.ts'

/** The settings as the program uses them: read once, complete or not at all. */
export type Settings = {
  redisUrl: string | undefined
  redisServer: string | undefined
  keyPrefix: string
  udpListens: Listen[]
  httpListens: Listen[]
  apiListens: Listen[]
  apiToken: string | undefined
  listed: boolean
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
  trustedProxies: string[]
  logLevel: string
}

type Environment = Record<string, string | undefined>

/** The largest share that is added to an announce interval; the frontends' own constant, held equal by a test. */
const INTERVAL_SPREAD = 0.1
/** What Kubernetes puts into the environment for a Service that is named redswarm-something. */
const KUBERNETES_NAMES = /^REDSWARM_.*(_SERVICE_HOST|_SERVICE_PORT(_.*)?|_PORT|_PORT_.*)$/

/**
 * Reads the settings from the environment and, under it, a `.env` file in the working folder. Throws an OperatorError
 * that names every problem at once.
 */
export function loadSettings(environment: Environment, dotenv: boolean | { path: string } = true): Settings {
  const problems: string[] = []
  const raw = readRaw(environment, dotenv, problems)
  if (problems.length > 0) throw new OperatorError(['invalid configuration', ...problems].join('\n  '))
  const settings = convert(raw as RawSettings, problems)
  checkTogether(settings, problems)
  if (problems.length > 0) throw new OperatorError(['invalid configuration', ...problems].join('\n  '))
  return settings
}

function readRaw(environment: Environment, dotenv: boolean | { path: string }, problems: string[]): object {
  const known = new Set(Object.keys(settingsSchema.properties))
  // Removed from the data before the schema sees it, so that all other problems are told as well.
  const given: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (known.has(name) && value !== undefined) given[name] = value
    else if (name.startsWith('REDSWARM_') && !KUBERNETES_NAMES.test(name)) problems.push(`${name}: no such setting`)
  }
  try {
    return envSchema({ schema: structuredClone(settingsSchema), data: given, env: false, dotenv })
  } catch (error) {
    problems.push(...schemaProblems(error))
    return {}
  }
}

type SchemaError = { instancePath: string; message?: string; keyword: string; params: { pattern?: string } }

function schemaProblems(error: unknown): string[] {
  const errors = (error as { errors?: SchemaError[] }).errors
  if (!errors) throw error
  const told = new Map<string, string>()
  for (const { instancePath, message, keyword } of errors) {
    // A setting with a choice of values fails each of them, then the choice: one line is enough.
    const text =
      keyword === 'const' || keyword === 'anyOf' ? choiceText(instancePath.slice(1)) : (message ?? 'is wrong')
    if (!told.has(instancePath)) told.set(instancePath, text)
  }
  return [...told].map(([path, text]) => `${path.slice(1)}: ${text}`)
}

function choiceText(name: string): string {
  const property = (settingsSchema.properties as Record<string, { anyOf?: { const: string }[] }>)[name]
  return `must be one of ${property?.anyOf?.map((choice) => choice.const).join(', ')}`
}

function convert(raw: RawSettings, problems: string[]): Settings {
  const checked = <T>(name: keyof RawSettings, rule: string, value: T | undefined): T => {
    if (value === undefined) problems.push(`${name}: ${rule}`)
    return value as T
  }
  const listens = (name: 'REDSWARM_UDP_LISTEN' | 'REDSWARM_HTTP_LISTEN' | 'REDSWARM_API_LISTEN') =>
    checked(name, `must be like 0.0.0.0:6969,[::]:6969, not ${raw[name]}`, parseListens(raw[name]))
  return {
    redisUrl: raw.REDSWARM_REDIS_URL || undefined,
    redisServer: raw.REDSWARM_REDIS_SERVER,
    keyPrefix: raw.REDSWARM_KEY_PREFIX,
    udpListens: listens('REDSWARM_UDP_LISTEN'),
    httpListens: listens('REDSWARM_HTTP_LISTEN'),
    apiListens: listens('REDSWARM_API_LISTEN'),
    apiToken: raw.REDSWARM_API_TOKEN,
    listed: raw.REDSWARM_LISTED,
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
    logLevel: raw.REDSWARM_LOG_LEVEL,
  }
}

function checkTogether(settings: Settings, problems: string[]): void {
  const { announceIntervalS, announceMinIntervalS, peerLifetimeS, sweepIntervalS, numwantDefault, numwantMax } =
    settings
  const lifetimeLeastS = Math.ceil(announceIntervalS * (1 + INTERVAL_SPREAD)) + sweepIntervalS
  if (peerLifetimeS <= lifetimeLeastS) {
    const sum = `${announceIntervalS} s of interval, 10 % of spread, ${sweepIntervalS} s of sweep`
    problems.push(`REDSWARM_PEER_LIFETIME_S: must be more than ${lifetimeLeastS} (${sum}), or live peers are swept`)
  }
  if (announceMinIntervalS > announceIntervalS) {
    problems.push('REDSWARM_ANNOUNCE_MIN_INTERVAL_S: must not be more than REDSWARM_ANNOUNCE_INTERVAL_S')
  }
  if (numwantDefault > numwantMax) {
    problems.push('REDSWARM_NUMWANT_DEFAULT: must not be more than REDSWARM_NUMWANT_MAX')
  }
}
