import { setTimeout as sleep } from 'node:timers/promises'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { refusalText } from '../../lib/swarm/refusal.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { NEW_CONNECTION } from './asker.ts'
import { compareStore } from './compare.ts'
import type { Fault, Moments, Scene } from './fault.ts'
import type { Sent } from './load.ts'

/** What was counted while something happened. */
export type Row = {
  fault: string
  seconds: number
  sent: number
  answered: number
  refused: number
  lost: number
  wrong: number
  /** Requests that were open when it began. */
  inFlight: number
  peers: number
  /** Peers that were lost and never may be. */
  peersLost: number
  /** Those that were acknowledged last, while the store could still lose them. */
  peersLostInWindow: number | undefined
  /** Undefined where it is not to be seen. */
  recoveryMs: number | undefined
  /** Resident memory of all processes of the tracker, and what Redis says it uses. */
  trackerBytes: [before: number, after: number]
  redisBytes: [before: number, after: number]
  auditFaults: number
  /** What else was measured. */
  note: string
  /** What should not be; empty where all is as promised. */
  problems: string[]
}

const WARM_UP_MS = 2000
/** A call to a store that did not answer has ended by then, done or not. */
const SETTLE_MS = 3000
const AFTER_MS = 1000
/** What takes longer is not served yet. */
const SERVED_MS_MAX = 1000
const RECOVERY_MS_MAX = 1000
/** What was sent a moment before a process died may have been read by it. */
const IN_FLIGHT_MS = 50
/** A process that has lived for seconds still warms up. */
const GROWTH_BYTES_MAX = 64e6
const PROBLEMS_SHOWN = 3

/** Does one thing to a tracker under load, and counts what it costs. */
export async function measure(fault: Fault, seed: number): Promise<Row> {
  const startMs = performance.now()
  const { path: folder, remove } = await temporaryFolder('chaos')
  try {
    const { scene, strike } = await fault.stage({ folder, seed })
    try {
      return { ...(await strikeAndLook(fault, scene, strike)), seconds: (performance.now() - startMs) / 1000 }
    } finally {
      await scene.stop()
    }
  } finally {
    await remove()
  }
}

async function strikeAndLook(
  fault: Fault,
  scene: Scene,
  strike: () => Promise<Moments>,
): Promise<Omit<Row, 'seconds'>> {
  const { load } = scene
  await load.filled()
  await sleep(WARM_UP_MS)
  const before = await memoryOf(scene)
  const moments = await strike()
  await sleep(SETTLE_MS)
  await load.pause()
  for (const { swarm } of load.actors) swarm.settle()
  const compared = await compareStore(scene.redis, load.actors)
  load.resume()
  await sleep(AFTER_MS)
  await load.pause()
  const last = await compareStore(scene.redis, load.actors)
  const audit = await auditAll({ redis: scene.redis, keys: makeKeys(''), peerLifetimeS: scene.peerLifetimeS })
  const after = await memoryOf(scene)
  const bad = load.sent.filter(({ outcome, endMs }) => endMs <= moments.fromMs && outcome !== 'answered')
  const sent = load.sent.filter(({ endMs }) => endMs > moments.fromMs)
  const count = (outcome: Sent['outcome']) => sent.filter((each) => each.outcome === outcome).length
  const inFlight = sent.filter((each) => isInFlight(each, moments))
  const recoveryMs = moments.isUntimed ? undefined : recoveryOf(sent, moments.healedMs)
  const lostPeers = new Set([...compared.lost, ...last.lost])
  const wrong = sent.filter(({ outcome }) => outcome === 'wrong')
  const problems = [
    ...some('the fault', scene.problems),
    ...some('before it: not answered', bad.map(textOf)),
    ...some('wrong answer', wrong.map(textOf)),
    ...some('peer lost', [...lostPeers]),
    ...some('peer that is not', [...compared.strangers, ...last.strangers]),
    ...some('count', [...compared.miscounted, ...last.miscounted]),
    ...some(
      'audit',
      audit.faults.map((each) => JSON.stringify(each)),
    ),
    ...some('lost', lostTooMuch(fault, sent, moments).map(textOf)),
    ...some('refused', refusedTooMuch(fault, sent).map(textOf)),
    ...(fault.mayRefuse && !fault.isMaybeShort && count('refused') === 0
      ? ['nothing was refused: it has not happened']
      : []),
    ...some('of the frontend that has no part in it', touched(fault, sent).map(textOf)),
    ...((recoveryMs ?? 0) > (fault.recoveryMsMax ?? RECOVERY_MS_MAX)
      ? [`recovery took ${Math.round(recoveryMs ?? 0)} ms`]
      : []),
    ...(after.tracker > before.tracker + GROWTH_BYTES_MAX * scene.parts.length ? ['the tracker has grown'] : []),
  ]
  return {
    ...{ fault: fault.name, note: moments.note ?? '' },
    ...{ sent: sent.length, answered: count('answered'), refused: count('refused'), lost: count('lost') },
    ...{ wrong: wrong.length, inFlight: inFlight.length, recoveryMs, auditFaults: audit.faults.length, problems },
    ...{ peers: last.known, peersLost: lostPeers.size },
    peersLostInWindow: moments.loss?.lost,
    trackerBytes: [before.tracker, after.tracker],
    redisBytes: [before.redis, after.redis],
  }
}

/** Until when requests that were sent after the end of a fault were not served at once. */
function recoveryOf(sent: readonly Sent[], healedMs: number): number {
  const isServed = ({ outcome, sentMs, endMs }: Sent) => outcome === 'answered' && endMs - sentMs <= SERVED_MS_MAX
  const late = sent.filter((each) => each.sentMs > healedMs && !isServed(each))
  return late.reduce((lastMs, { outcome, sentMs, endMs }) => {
    // One that is lost ends when its client gives up.
    const atMs = outcome === 'lost' ? sentMs : endMs
    return Math.max(lastMs, atMs - healedMs)
  }, 0)
}

/** Whether a request was open, or was sent a moment later, while a process ended; where none did, when the fault began. */
const isInFlight = ({ sentMs, endMs }: Sent, { fromMs, ends = [{ fromMs, goneMs: fromMs }] }: Moments): boolean =>
  ends.some((end) => sentMs <= end.goneMs + IN_FLIGHT_MS && endMs > end.fromMs)

/** Requests without an answer that this fault may not cost. */
function lostTooMuch({ mayLose }: Fault, sent: readonly Sent[], moments: Moments): Sent[] {
  const lost = sent.filter(({ outcome }) => outcome === 'lost')
  if (mayLose === undefined) return lost
  const { of, when, isOnNewConnections } = mayLose
  const mayBe = (each: Sent) =>
    (of === 'both' || each.way.startsWith(of)) &&
    (when === 'in flight' ? isInFlight(each, moments) : each.sentMs <= moments.healedMs) &&
    (!isOnNewConnections || each.why === NEW_CONNECTION)
  return lost.filter((each) => !mayBe(each))
}

/** Requests that this fault is no reason to refuse. */
function refusedTooMuch({ mayRefuse = [] }: Fault, sent: readonly Sent[]): Sent[] {
  const texts = new Set(mayRefuse.map(refusalText))
  return sent.filter(({ outcome, why }) => outcome === 'refused' && !texts.has(why))
}

/** Requests that were not served by a frontend that has no part in this fault. */
const touched = ({ untouched }: Fault, sent: readonly Sent[]): Sent[] =>
  sent.filter(({ place, outcome }) => place === untouched && outcome !== 'answered')

const textOf = ({ place, way, outcome, why }: Sent): string => `${place} ${way}: ${outcome} ${why}`.trim()

/** The first few, and how many there are. */
function some(what: string, texts: readonly string[]): string[] {
  if (texts.length === 0) return []
  const more = texts.length > PROBLEMS_SHOWN ? `; ${texts.length} in all` : ''
  return [`${what}: ${texts.slice(0, PROBLEMS_SHOWN).join('; ')}${more}`]
}

async function memoryOf({ parts, usedBytes }: Scene): Promise<{ tracker: number; redis: number }> {
  return { tracker: parts.reduce((sum, part) => sum + part.residentBytes(), 0), redis: await usedBytes() }
}
