import type { LoadOptions } from './options.ts'
import type { Share } from './plan.ts'
import type { Tally } from './tally.ts'
import type { Target } from './target.ts'

/** What the command tells its worker processes. */
export type ToWorker =
  | { type: 'open'; options: LoadOptions; target: Target; share: Share; isLive: boolean }
  | { type: 'fill' }
  | { type: 'warm-up' }
  | { type: 'load' }
  | { type: 'stop' }
  | { type: 'end' }

/** What a phase saw in one process. */
export type PhaseResult = {
  tally: Tally
  /** An encoded histogram. */
  latencies: string
  seconds: number
  /** Whether it ended early since nothing came any more. */
  fellSilent: boolean
  /** CPU time of the process itself. */
  cpuUs: number
}

/** What a worker process tells. */
export type FromWorker =
  | { type: 'opened' }
  | { type: 'failed'; reason: string; isOperators: boolean }
  | ({ type: 'done' } & PhaseResult)
  | { type: 'progress'; tally: Tally; latencies: string }
