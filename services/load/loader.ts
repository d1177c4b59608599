import type { Latencies } from './histogram.ts'
import type { LoadOptions } from './options.ts'
import type { Plan } from './plan.ts'
import type { Tally } from './tally.ts'
import type { Target } from './target.ts'

/** What a load of either protocol is made of. */
export type LoaderParts = { target: Target; options: LoadOptions; plan: Plan; tally: Tally; latencies: Latencies }

/** A load of one process: it counts in the tally and records latencies while it runs. */
export type Loader = {
  /** Opens its sockets and hears from the tracker; an OperatorError where nothing comes. */
  open: () => Promise<void>
  /** Announces each peer as `started`, once. */
  fill: () => Promise<void>
  /**
   * Asks for so many seconds, closed loop or with `ratePerS` open loop, then waits for what is under way: a tracker that
   * stalls at the end would look good without. Answers when the last answer came, or asking ended.
   */
  load: (seconds: number, ratePerS: number | undefined) => Promise<number>
  /** Ends a fill, or has a load ask nothing more. */
  stop: () => void
  close: () => Promise<void>
}

/** How long a tracker may be silent before the load says that it does not answer. */
export const SILENT_MS_MAX = 4000

/** How often a fill announces a peer that is lost or refused, in all. */
export const FILL_TRIES_MAX = 4
