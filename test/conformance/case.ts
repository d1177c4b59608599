import type { Scene } from './scene.ts'

/** How a peer speaks to a tracker. */
export type Protocol = 'udp' | 'http'

/** How the two steps of a state case reach the tracker. */
export type Way = {
  first: Protocol
  second: Protocol
  family: 4 | 6
  /** The second step goes to another frontend of the same swarms. */
  crosses: boolean
}

const PROTOCOLS = ['udp', 'http'] as const

/** All 16 of them. */
export const WAYS: readonly Way[] = [false, true].flatMap((crosses) =>
  ([4, 6] as const).flatMap((family) =>
    PROTOCOLS.flatMap((first) => PROTOCOLS.map((second) => ({ first, second, family, crosses }))),
  ),
)

/** A way in words. */
export const wayName = ({ first, second, family, crosses }: Way): string =>
  `${first}, then ${second}${crosses ? ' on another frontend' : ''}, IPv${family}`

type Named = {
  /** The number in the table, with a letter where one number holds several cases. */
  number: string
  /** What a tracker should do, as a sentence. */
  title: string
  /** Where that is from: a BEP, or whose practice it is. */
  source: string
}

/** A case that can be run on any tracker. */
export type RunnableCase = Named & {
  /** The ways that it is run; absent: once. */
  ways?: readonly Way[]
  /** How many info hashes it uses, each way. */
  hashes?: number
  /** Throws a `Deviation` where the tracker does otherwise, a `NotOffered` where it has not what the case needs. */
  run: (scene: Scene) => Promise<void>
}

/** A case that Redswarm has nothing yet to run against: it is told as such, never as passed. */
export type AwaitedCase = Named & { awaits: string }

/** One line of the specification. */
export type Case = RunnableCase | AwaitedCase

/** A case as a line of a table. */
export const rule = (number: string, title: string, source: string, run: RunnableCase['run']): Case => ({
  number,
  title,
  source,
  run,
})

/** A case that something else has to come first for. */
export const awaits = (number: string, title: string, source: string, what: string): Case => ({
  number,
  title,
  source,
  awaits: what,
})

/** A tracker did otherwise than it should. */
export class Deviation extends Error {
  /** What it did, in a few words. */
  readonly told: string
  constructor(told: string, expected: string) {
    super(`${told}; expected: ${expected}`)
    this.told = told
  }
}

/** A tracker has not what a case needs: no IPv6, no second frontend, no such setting. */
export class NotOffered extends Error {}

/** Compares what a tracker did, in a few words, with what it should have done; `where` says in which of several steps. */
export function expectThat(told: string, expected: string | RegExp, where = ''): void {
  const holds = typeof expected === 'string' ? told === expected : expected.test(told)
  if (!holds) throw new Deviation(where === '' ? told : `${where}: ${told}`, String(expected))
}
