/** The parts of the tracker whose CPU is held against the echo's. */
export const PARTS = ['frontend', 'Redis'] as const

/** One of them. */
export type Part = (typeof PARTS)[number]

/** CPU per response as a ratio to the echo's CPU per reply. */
export type Ratios = Record<Part, number>

/** What is stored: the ratios that were seen, and how far above a run may be, with where the ratios are from. */
export type Expected = { ratios: Ratios; margin: number; reason: string }

/** How one part came out. */
export type Finding = { part: Part; ratio: number; expected: number; verdict: 'as expected' | 'slower' | 'faster' }

/** Holds measured ratios against the stored ones: above ratio × margin is slower, below ratio / margin faster. */
export function verdictsOf(measured: Ratios, { ratios, margin }: Expected): Finding[] {
  return PARTS.map((part) => {
    const [ratio, expected] = [measured[part], ratios[part]]
    // What is not a number was not measured, and must not pass.
    const isWithin = ratio <= expected * margin
    const verdict = !isWithin ? 'slower' : ratio < expected / margin ? 'faster' : 'as expected'
    return { part, ratio, expected, verdict }
  })
}

/** Whether one of them fails. */
export const isSlower = (findings: readonly Finding[]): boolean => findings.some(({ verdict }) => verdict === 'slower')

/**
 * Measures, and where a part is slower once more: a machine that did something else meanwhile is no reason to fail.
 * Answers what was seen, of which the last counts.
 */
export async function measuredAgainIfSlower<T extends { findings: Finding[] }>(
  measure: () => Promise<T>,
): Promise<T[]> {
  const first = await measure()
  return isSlower(first.findings) ? [first, await measure()] : [first]
}

/** What is stored from now on. Throws where a ratio is none. */
export function updatedExpected(expected: Expected, ratios: Ratios, reason: string): Expected {
  for (const part of PARTS) {
    if (!(ratios[part] > 0 && Number.isFinite(ratios[part]))) throw new Error(`${part}: ${ratios[part]} is no ratio`)
  }
  return { ...expected, ratios, reason }
}

/** What to tell of a finding, and what to do next. */
export function sayFinding({ part, ratio, expected, verdict }: Finding, margin: number): string {
  const seen = `${part}: ${ratio.toFixed(3)} of the echo's CPU per response, ${expected.toFixed(3)} stored`
  const change = `${Math.abs((ratio / expected - 1) * 100).toFixed(0)} %`
  switch (verdict) {
    case 'slower':
      return `${seen}: ${change} more, over the margin of ${((margin - 1) * 100).toFixed(0)} %. ${NEXT[part]}`
    case 'faster':
      return `${seen}: ${change} less. Store the lower ratio, or a step back will not be seen: npm run bench:check -- --update`
    case 'as expected':
      return seen
    default: {
      const missed: never = verdict
      throw new Error(`unhandled verdict ${String(missed)}`)
    }
  }
}

/** Where to look. */
const NEXT: Record<Part, string> = {
  frontend: 'Run it again on a calm machine; then look where the time goes: npx redswarm profile udp',
  Redis: 'Run it again on a calm machine; then look where the time goes: npx redswarm profile redis',
}
