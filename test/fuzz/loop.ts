import { setImmediate } from 'node:timers/promises'
import type { Coverage } from './coverage.ts'
import { makeMutator, makeRandom } from './mutate.ts'
import type { Target } from './target.ts'

/** Inputs between two looks at what ran: a look costs as much as a hundred of them. */
const BATCH = 128
/** One input may take this long, tried three times: what takes longer the longer an input is would show here. */
const INPUT_MS_MAX = 500
/** Tries at making an input that was found smaller. */
const SHRINK_TRIES_MAX = 3000

/** An input that breaks a property, and how. */
export type Finding = { input: Buffer; problem: string }
/** What a run came to; `kept` are the inputs that each reached a block which none before had. */
export type Outcome = { executions: number; kept: Buffer[]; finding: Finding | undefined }

/**
 * Runs a target until the time or the number of inputs is used up, or an input breaks a property. Inputs that reach new
 * blocks are kept, and more are made of them.
 */
export async function fuzz({
  target,
  known,
  coverage,
  seed,
  msMax,
  executionsMax,
  onInput,
}: {
  target: Target
  known: readonly Buffer[]
  coverage: Coverage
  seed: number
  msMax: number
  executionsMax: number
  onInput: (input: Buffer) => void
}): Promise<Outcome> {
  const mutate = makeMutator(target, makeRandom(seed))
  const kept: Buffer[] = []
  const corpus = [...known]
  let executions = 0

  const run = async (inputs: readonly Buffer[]): Promise<Finding | undefined> => {
    for (const input of inputs) {
      onInput(input)
      executions += 1
      const problem = await problemOf(target, input)
      if (problem) return { input, problem }
    }
  }
  /** Finds which of these inputs reach new blocks, by running halves of them again. */
  const sift = async (inputs: readonly Buffer[]): Promise<void> => {
    await run(inputs)
    const reached = coverage.news()
    if (!reached) return
    const middle = Math.ceil(inputs.length / 2)
    if (middle === inputs.length) {
      coverage.keep(reached)
      kept.push(...inputs)
      return
    }
    await sift(inputs.slice(0, middle))
    await sift(inputs.slice(middle))
  }

  const endMs = performance.now() + msMax
  let batch: readonly Buffer[] = corpus
  do {
    const finding = await run(batch)
    if (finding) return { executions, kept, finding: await shrink(target, finding) }
    const news = coverage.news()
    if (news) {
      const before = kept.length
      await sift(batch)
      // What ran this once, since it is remembered since then, no single input reaches again.
      coverage.keep(news)
      if (batch !== corpus) corpus.push(...kept.slice(before))
    }
    // What waits for the event loop is done between batches: else it would pile up.
    await setImmediate()
    batch = Array.from({ length: Math.min(BATCH, executionsMax) }, () => mutate(corpus))
  } while (executions < executionsMax && performance.now() < endMs)
  return { executions, kept, finding: undefined }
}

/** How an input breaks the target's property; undefined where it does not. */
export async function problemOf(target: Target, input: Buffer): Promise<string | undefined> {
  // Never the input itself: parsers hand out views, and what writes into them must not change what is kept.
  for (let tries = 0; tries < 3; tries++) {
    const startMs = performance.now()
    try {
      await target.check(Buffer.from(input))
    } catch (error) {
      return error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error)
    }
    if (performance.now() - startMs < INPUT_MS_MAX) return undefined
  }
  return `takes more than ${INPUT_MS_MAX} ms`
}

/** Leaves out pieces and sets bytes to 0, as long as the property stays broken. */
async function shrink(target: Target, finding: Finding): Promise<Finding> {
  let best = finding
  let tries = SHRINK_TRIES_MAX
  const attempt = async (input: Buffer): Promise<boolean> => {
    const problem = tries-- > 0 ? await problemOf(target, input) : undefined
    if (problem) best = { input, problem }
    return problem !== undefined
  }
  for (let size = Math.ceil(best.input.length / 2); size >= 1 && tries > 0; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.input.length && tries > 0; ) {
      const { input } = best
      if (!(await attempt(Buffer.concat([input.subarray(0, at), input.subarray(at + size)])))) at += size
    }
  }
  for (let at = 0; at < best.input.length && tries > 0; at++) {
    if (best.input[at] !== 0) await attempt(Buffer.from(best.input).fill(0, at, at + 1))
  }
  return best
}
