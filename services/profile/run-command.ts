import { messageOf, OperatorError } from '../../lib/errors.ts'
import { type Lifecycle, makeLifecycle } from '../../lib/lifecycle.ts'
import { onStopSignals } from '../../lib/signals.ts'
import { type GivenOptions, type ProfileOptions, readOptions } from './options.ts'
import { makeProgress, type OnPhase } from './progress.ts'

/** How a shell tells of a Ctrl-C. */
const EXIT_INTERRUPTED = 130

/** What a profile tells for people, and what is wrong with it, if anything is. */
export type Told = { text: string; problem: string | undefined }

/** Runs one command of `redswarm profile` to its end, or a signal's; answers the exit code. */
export async function runCommand(
  given: GivenOptions,
  profile: (options: ProfileOptions, onPhase: OnPhase, lifecycle: Lifecycle) => Promise<Told>,
): Promise<number> {
  let options: ProfileOptions
  try {
    options = await readOptions(given)
  } catch (error) {
    tell(messageOf(error))
    return 2
  }
  const lifecycle = makeLifecycle()
  const progress = makeProgress(process.stderr)
  let isInterrupted = false
  const exit = () => process.exit(EXIT_INTERRUPTED)
  // The handlers stay until the end: a second signal that found none would leave Redis running.
  onStopSignals(() => {
    isInterrupted = true
    progress.stop()
    void lifecycle.stop().then(exit)
  }, exit)
  const onPhase: OnPhase = (phase, seconds) => isInterrupted || progress.onPhase(phase, seconds)
  try {
    const { text, problem } = await profile(options, onPhase, lifecycle)
    progress.stop()
    process.stdout.write(text)
    if (problem) tell(problem)
    return problem ? 1 : 0
  } catch (error) {
    progress.stop()
    // A Ctrl-C reaches the role and the load as well: that they ended is no news.
    if (isInterrupted) return EXIT_INTERRUPTED
    tell(error instanceof OperatorError ? error.message : `the profile failed: ${messageOf(error)}`)
    return 1
  } finally {
    await lifecycle.stop()
  }
}

const tell = (text: string): void => void process.stderr.write(`redswarm: ${text}\n`)
