/** What became of rows; each is counted once. */
export type Outcome = {
  rows: number
  added: number
  changed: number
  unchanged: number
  expired: number
  bad: number
}

/** No rows yet. */
export const noOutcome = (): Outcome => ({ rows: 0, added: 0, changed: 0, unchanged: 0, expired: 0, bad: 0 })

/** Adds what became of more rows. */
export function addOutcome(outcome: Outcome, more: Partial<Outcome>): void {
  for (const name of Object.keys(noOutcome()) as (keyof Outcome)[]) outcome[name] += more[name] ?? 0
}
