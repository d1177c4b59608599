/** The kinds of request. */
export const KIND = { connect: 0, announce: 1, scrape: 2 } as const

/** One of them. */
export type Kind = (typeof KIND)[keyof typeof KIND]

/** What is counted of answers. */
export type Tally = {
  connects: number
  announces: number
  scrapes: number
  /** Errors that the tracker answered, all and by their text. */
  errors: number
  errorTexts: Record<string, number>
  /** UDP requests not answered in `LOST_AFTER_MS`; HTTP requests whose connection broke, or that took too long. */
  lost: number
  /** Answers that no tracker may give, all and by what is wrong with them. */
  wrong: number
  wrongAnswers: Record<string, number>
  /** Announces answered with more peers than were asked for: some trackers do not hold themselves to numwant. */
  overlong: number
  /** Announces answered with counts that leave the announcing peer out: some trackers count before they let it in. */
  uncounted: number
  /** Torrents scraped with nothing but zeros though a peer of the load is in. */
  emptyScrapes: number
  peersTold: number
  /** Requests of an open loop that were due and found no room before the end. */
  unsent: number
}

/** How long a UDP request, or any at the end, may stay unanswered: a client would wait longer, but a load that waits is no load. */
export const LOST_AFTER_MS = 1000
/** Texts that are told apart: a tracker may put anything into them. */
const TEXTS_MAX = 20
const TEXT_LENGTH_MAX = 120
/** Where further texts are counted. */
const OTHER_TEXTS = 'other texts'

/** A tally of nothing. */
export const makeTally = (): Tally => ({
  ...{
    connects: 0,
    announces: 0,
    scrapes: 0,
    errors: 0,
    lost: 0,
    wrong: 0,
    overlong: 0,
    uncounted: 0,
    emptyScrapes: 0,
    peersTold: 0,
    unsent: 0,
  },
  errorTexts: {},
  wrongAnswers: {},
})

/** Answers of the tracker, errors among them; what is wrong is none. */
export const responsesOf = ({ connects, announces, scrapes, errors }: Tally): number =>
  connects + announces + scrapes + errors

/** Counts an answer of this kind that is as it must be. */
export function countAnswer(tally: Tally, kind: Kind): void {
  if (kind === KIND.connect) tally.connects += 1
  else if (kind === KIND.announce) tally.announces += 1
  else tally.scrapes += 1
}

/** Counts an error by its text. */
export function countError(tally: Tally, text: string): void {
  tally.errors += 1
  addText(tally.errorTexts, shownText(text), 1)
}

/** Counts an answer that is wrong, by what is wrong with it. */
export function countWrong(tally: Tally, what: string): void {
  tally.wrong += 1
  addText(tally.wrongAnswers, what, 1)
}

/** What a tracker says must not reach a terminal as it is. */
const shownText = (text: string): string =>
  text
    .slice(0, TEXT_LENGTH_MAX)
    .replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

function addText(texts: Record<string, number>, text: string, count: number): void {
  const known = Object.hasOwn(texts, text) || Object.keys(texts).length < TEXTS_MAX - 1 ? text : OTHER_TEXTS
  texts[known] = (Object.hasOwn(texts, known) ? (texts[known] as number) : 0) + count
}

/** Adds what another process counted. */
export function addTally(sum: Tally, more: Tally): void {
  for (const name of Object.keys(sum) as (keyof Tally)[]) {
    const value = more[name]
    if (typeof value === 'number') (sum[name] as number) += value
  }
  for (const [text, count] of Object.entries(more.errorTexts)) addText(sum.errorTexts, text, count)
  for (const [text, count] of Object.entries(more.wrongAnswers)) addText(sum.wrongAnswers, text, count)
}
