import { shown } from '../../../lib/observe/table.ts'
import type { Target } from '../redis.ts'
import { ageText } from '../text.ts'
import { type Finding, foundIf } from './finding.ts'

/** Asked of Redis one after another, as an announce of an idle frontend would be. */
const PINGS = 50
const PING_P50_MS_MAX = 5
const PING_MS_MAX = 100
/** Logs of two machines that are further apart are hard to read side by side. */
const OFFSET_MS_MAX = 1000
/** Entries of the slow log that are read, and those of so long ago that count. */
const SLOW_ENTRIES_MAX = 128
const SLOW_WITHIN_S = 3600
const SLOW_US_MAX = 100_000

/** What was measured of a Redis: how fast it answers, and what its clock says. */
export async function measureRedis({ redis }: Target, nowMs: () => number): Promise<Finding[]> {
  const tookMs: number[] = []
  let offset = { ms: 0, errorMs: Number.POSITIVE_INFINITY }
  for (let i = 0; i < PINGS; i++) {
    const [fromMs, startMs] = [nowMs(), performance.now()]
    const [seconds, micros] = await redis.time()
    const ms = performance.now() - startMs
    tookMs.push(ms)
    // Redis read its clock about halfway: the quicker the answer, the better it is known.
    const redisMs = Number(seconds) * 1000 + Number(micros) / 1000
    if (ms / 2 < offset.errorMs) offset = { ms: redisMs - (fromMs + ms / 2), errorMs: ms / 2 }
  }
  return [latencyFinding(tookMs), clockFinding(offset.ms)]
}

function latencyFinding(tookMs: number[]): Finding {
  const sorted = tookMs.sort((a, b) => a - b)
  const [p50 = 0, most = 0] = [sorted[PINGS / 2], sorted[PINGS - 1]]
  const found = `an answer takes ${p50.toFixed(2)} ms in the median, ${most.toFixed(2)} ms at most, of ${PINGS}`
  const todo = 'is Redis busy (redswarm top), far away, or swapping? `redis-cli --latency` shows it over time'
  return foundIf(
    p50 > PING_P50_MS_MAX || most > PING_MS_MAX,
    { severity: 'warning', about: 'latency', found, todo },
    found,
  )
}

function clockFinding(offsetMs: number): Finding {
  const found = `the clock of Redis is ${shown(Math.abs(offsetMs))} ms ${offsetMs < 0 ? 'behind' : 'ahead of'} this machine's`
  const todo = 'set both by NTP: the tracker goes by the clock of Redis, the logs of this machine by its own'
  return foundIf(Math.abs(offsetMs) > OFFSET_MS_MAX, { severity: 'warning', about: 'clock', found, todo }, found)
}

/** How the append-only file is written: only CONFIG tells that, and a managed Redis may refuse it. */
export async function configFindings({ redis }: Target): Promise<Finding[]> {
  const pairs = (await redis.config('GET', 'append*')) as string[]
  return fsyncFindings(new Map(pairs.map((name, i) => [name, pairs[i + 1] ?? ''])))
}

/** The same, of the settings `append*`. Where there is no such file, nothing is to be said of it. */
export function fsyncFindings(settings: ReadonlyMap<string, string>): Finding[] {
  if (settings.get('appendonly') === 'no') return []
  const about = 'appendfsync'
  const fsync = settings.get(about)
  if (fsync === undefined) return [{ severity: 'unknown', about, found: 'CONFIG GET does not tell it' }]
  if (fsync === 'always') {
    const found = 'appendfsync always: each call of a frontend waits for the disk'
    return [
      { severity: 'warning', about, found, todo: '`redis-cli CONFIG SET appendfsync everysec` loses a second at most' },
    ]
  }
  if (fsync === 'no') {
    const found = 'appendfsync no: the system decides when swarms are on disk, up to 30 s late'
    return [{ severity: 'note', about, found, todo: '`redis-cli CONFIG SET appendfsync everysec`' }]
  }
  return [{ severity: 'fine', about, found: `appendfsync ${fsync}` }]
}

/** What took long in the last hour, by the slow log. */
export async function slowFindings({ redis, nowS }: Target): Promise<Finding[]> {
  return [slowFinding((await redis.call('SLOWLOG', 'GET', SLOW_ENTRIES_MAX)) as SlowEntry[], nowS)]
}

/** An entry of the slow log: id, seconds since the epoch, microseconds, the command; more comes after these. */
export type SlowEntry = [id: number, atS: number, us: number, args: string[]]

/** The same, of entries of the slow log. */
export function slowFinding(entries: readonly SlowEntry[], nowS: number): Finding {
  const recent = entries.filter(([, atS]) => nowS - atS < SLOW_WITHIN_S)
  const [worst] = recent.toSorted(([, , a], [, , b]) => b - a)
  const about = 'slow log'
  if (!worst) return { severity: 'fine', about, found: 'nothing slow within an hour' }
  const [, atS, us, args] = worst
  // Of a script its name: what follows are records.
  const what = args.slice(0, 2).join(' ').slice(0, 80)
  const when = `${ageText(nowS - atS)} ago`
  const found = `${shown(recent.length)} slow within an hour, the slowest of ${shown(us / 1000)} ms, ${when}: ${what}`
  const why = /^fcall(_ro)? redswarm_/i.test(what)
    ? 'the tracker sends it, and it takes a millisecond or two: is the machine of Redis busy, or swapping?'
    : 'who sends it? `redis-cli SLOWLOG GET` shows more'
  const todo = `while it runs, nobody is answered: ${why}`
  return { severity: us > SLOW_US_MAX ? 'warning' : 'note', about, found, todo }
}
