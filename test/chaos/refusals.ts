import { refusalText } from '../../lib/swarm/refusal.ts'
import type { Refusal } from '../../lib/swarm/store.ts'

/** Causes for which a tracker may refuse what is right, as its store cannot do it now. */
const CAUSES: readonly Refusal[] = ['busy', 'away', 'slow', 'loading', 'read_only', 'out_of_memory', 'failing_over']
const TEXTS = new Set(CAUSES.map(refusalText))

/** Whether a refusal says that the tracker cannot now, and why. */
export const isClearRefusal = (text: string): boolean => TEXTS.has(text)
