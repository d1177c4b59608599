/** How bad a finding is, the worst first; `fine` is what was looked at and is well, `unknown` what could not be. */
export const SEVERITIES = ['critical', 'warning', 'note', 'unknown', 'fine'] as const

/** One of them. */
export type Severity = (typeof SEVERITIES)[number]

/** What was found of one thing, and what to do about it. */
export type Finding = {
  severity: Severity
  about: string
  found: string
  /** Undefined where there is nothing to do. */
  todo?: string
}

/** Whether a finding is for somebody to act on. */
export const isTrouble = ({ severity }: Finding): boolean => severity === 'critical' || severity === 'warning'

/** The worst first; of the same severity, in the order in which they were found. */
export const inOrder = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity))

/** A finding where something is wrong, else that it is fine. */
export const foundIf = (isWrong: boolean, wrong: Finding, fine: string): Finding =>
  isWrong ? wrong : { severity: 'fine', about: wrong.about, found: fine }

/** Findings of one of several, which is named. */
export const named = (name: string, findings: readonly Finding[]): Finding[] =>
  findings.map((each) => (name === '' ? each : { ...each, found: `${name}: ${each.found}` }))
