import type { Redis } from './stats.ts'

/** A call that Redis put into its slow log. */
export type SlowCall = { us: number; atS: number; what: string }

/** Entries that are kept of the measured seconds: a call every 100 ms of the longest run would not fill it. */
const ENTRIES_MAX = 8192
/** Arguments of a script before its records, with the command, its name and the number of its keys. */
const RECORDS_AT = 9
/** What a script is called in Redis. */
const SCRIPT_ID = /^redswarm_(?<name>\w+)_[0-9a-f]{12}$/
/** What a slow log keeps of an argument, before it says how many more bytes there are. */
const MORE = /^(?<kept>[\s\S]*)\.\.\. \((?<more>\d+) more bytes\)$/

/** From now on, all that takes so long is kept. */
export async function startSlowLog(redis: Redis, slowerThanUs: number): Promise<void> {
  await redis.config('SET', 'slowlog-log-slower-than', String(slowerThanUs), 'slowlog-max-len', String(ENTRIES_MAX))
  await redis.call('SLOWLOG', 'RESET')
}

/** What takes so long is kept by a Redis that nobody has set otherwise. */
const USUAL_US = 10_000

/** What the slow log holds, the slowest first. It is emptied then: thousands of entries would weigh like data. */
export async function endSlowLog(redis: Redis): Promise<SlowCall[]> {
  await redis.config('SET', 'slowlog-log-slower-than', String(USUAL_US))
  const entries = (await redis.callBuffer('SLOWLOG', ['GET', ENTRIES_MAX])) as [number, number, number, Buffer[]][]
  await redis.call('SLOWLOG', 'RESET')
  return entries.map(([, atS, us, args]) => ({ us, atS, what: describeCall(args) })).sort((a, b) => b.us - a.us)
}

/** A call as a line: a script by its name, and how many bytes of records it was given. */
export function describeCall(args: readonly Buffer[]): string {
  const [name = '', id = ''] = args.slice(0, 2).map((arg) => arg.toString('latin1'))
  if (!/^fcall$/i.test(name)) {
    return args
      .slice(0, 2)
      .map((arg) => shown(arg.toString('latin1')))
      .join(' ')
  }
  const script = SCRIPT_ID.exec(id)?.groups?.name ?? shown(id)
  const records = script === 'announce' ? args[RECORDS_AT] : args.at(-1)
  const bytes = records === undefined ? 0 : bytesOf(records.toString('latin1'))
  return `${name.toUpperCase()} ${script}, ${bytes.toLocaleString('en-US')} bytes`
}

function bytesOf(argument: string): number {
  const { kept = argument, more = 0 } = MORE.exec(argument)?.groups ?? {}
  return kept.length + Number(more)
}

/** A key may hold anything, and must not reach a terminal as it is. */
const shown = (text: string): string => text.slice(0, 80).replace(/[^\x20-\x7e]/g, '.')
