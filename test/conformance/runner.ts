import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, Deviation, NotOffered, type Way, wayName } from './case.ts'
import { hashesOf } from './hashes.ts'
import { Scene } from './scene.ts'
import type { Setup, Subject } from './subject.ts'

/** What info hashes are made from, unless the caller says otherwise. */
export const SALT = 'redswarm conformance'

/** One way of running a case. */
export type Run = { entry: Case; way: Way | undefined; name: string; on: (subject: Subject) => Promise<void> }

/** The runs of a case: one, or one for each of its ways; none of a case that awaits something. */
export function runsOf(entry: Case, salt = SALT): Run[] {
  if (!('run' in entry)) return []
  const ways: readonly (Way | undefined)[] = entry.ways ?? [undefined]
  return ways.map((way) => ({
    entry,
    way,
    name: way ? wayName(way) : '',
    on: async (subject) => {
      await using scene = new Scene(subject, hashesOf(entry, way, salt), way)
      await entry.run(scene)
    },
  }))
}

/** How a run went: `yes`, what the tracker did instead, or that it has not what the case needs. */
export type Outcome = { verdict: 'yes' } | { verdict: 'no'; told: string } | { verdict: 'not offered'; told: string }

/** What came of a case: its runs, in order; none where it awaits something. */
export type Result = { entry: Case; runs: { name: string; outcome: Outcome }[] }

/** No case takes longer than that. */
const RUN_MS_MAX = 90_000

/** Runs one on a tracker; never rejects. */
export async function outcomeOf(run: Run, subject: Subject): Promise<Outcome> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Deviation('never ends', 'an end')), RUN_MS_MAX)
  try {
    await Promise.race([run.on(subject), late.promise])
    return { verdict: 'yes' }
  } catch (error) {
    if (error instanceof NotOffered) return { verdict: 'not offered', told: error.message }
    return { verdict: 'no', told: error instanceof Deviation ? error.told : shownError(error as NodeJS.ErrnoException) }
  } finally {
    clearTimeout(timer)
  }
}

const shownError = ({ code, message }: NodeJS.ErrnoException): string =>
  code === 'ECONNRESET' || code === 'ECONNREFUSED' ? 'no connection' : message

/** How long a process may take to end once it fails. */
const CRASH_MS_MAX = 300
/** Runs at once, on a tracker that does not crash. */
const AT_ONCE = 8

/** Runs cases on a tracker, several at once, since each has torrents of its own; one by one where it may crash. */
export async function runAll(
  cases: readonly Case[],
  { subject, revive }: Setup,
  { salt = SALT, onDone = (_done: number, _of: number) => {} } = {},
): Promise<Result[]> {
  const results = cases.map((entry) => ({ entry, runs: [] as Result['runs'] }))
  const waiting = results.flatMap((result) =>
    runsOf(result.entry, salt).map((run, i) => async () => {
      const outcome = await outcomeOf(run, subject)
      // A process that crashes writes why, and ends only then.
      if (revive && outcome.verdict === 'no') await sleep(CRASH_MS_MAX)
      const hasCrashed = (await revive?.()) ?? false
      result.runs[i] = { name: run.name, outcome: hasCrashed ? { verdict: 'no', told: 'it crashes' } : outcome }
    }),
  )
  const of = waiting.length
  let done = 0
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      await next()
      onDone(++done, of)
    }
  }
  await Promise.all(Array.from({ length: revive ? 1 : AT_ONCE }, work))
  return results
}
