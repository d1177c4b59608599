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
  /** Loads for so many seconds, closed loop or with `ratePerS` open loop. */
  load: (seconds: number, ratePerS: number | undefined) => Promise<void>
  /** Ends what runs. */
  stop: () => void
  close: () => Promise<void>
}

/** How long a tracker may be silent before the load says that it does not answer. */
export const SILENT_MS_MAX = 4000
