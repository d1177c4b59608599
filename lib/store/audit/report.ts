/** What an audit compares, in the order of its table. */
export const AUDIT_CHECKS = ['keys', 'index', 'due times', 'counts', 'peers', 'pieces', 'completed', 'totals'] as const

/** One of them. */
export type AuditCheck = (typeof AUDIT_CHECKS)[number]

/** Something that is not as it must be: a key, and what is wrong with it as a sentence without its subject. */
export type AuditFault = { key: string; check: AuditCheck; fault: string; isRepaired: boolean }

/** What one check looked at (keys, torrents, peers, pieces or shards), and what it found. */
export type AuditTally = { lookedAt: number; faults: number; repaired: number }

/** What an audit found. */
export type AuditReport = {
  /** When it ended, by Redis's clock: seconds since the epoch. */
  atS: number
  torrents: number
  peers: number
  /** How many faults there were, repaired or not: 0 where all is as it must be. */
  drift: number
  /** How many of them were repaired. */
  repaired: number
  checks: Record<AuditCheck, AuditTally>
  /** The first `FAULTS_KEPT_MAX` faults. */
  faults: AuditFault[]
  /** Keys that are too large to be compared in one script, and why that is no fault. */
  notCompared: string[]
}

/** Faults that a report names: `drift` counts them all. */
export const FAULTS_KEPT_MAX = 1000

/** Gathers what an audit finds. */
export type AuditRecorder = {
  looked: (check: AuditCheck, count: number) => void
  fault: (check: AuditCheck, key: string, fault: string, isRepaired: boolean) => void
  notCompared: (what: string) => void
  report: (atS: number) => AuditReport
}

/** A recorder with nothing found. */
export function makeAuditRecorder(): AuditRecorder {
  const checks = Object.fromEntries(
    AUDIT_CHECKS.map((check) => [check, { lookedAt: 0, faults: 0, repaired: 0 }]),
  ) as Record<AuditCheck, AuditTally>
  const faults: AuditFault[] = []
  const notCompared: string[] = []
  const sum = (field: 'faults' | 'repaired') => Object.values(checks).reduce((total, tally) => total + tally[field], 0)
  return {
    looked(check, count) {
      checks[check].lookedAt += count
    },
    fault(check, key, fault, isRepaired) {
      checks[check].faults += 1
      if (isRepaired) checks[check].repaired += 1
      if (faults.length < FAULTS_KEPT_MAX) faults.push({ key, check, fault, isRepaired })
    },
    notCompared(what) {
      if (notCompared.length < FAULTS_KEPT_MAX) notCompared.push(what)
    },
    report: (atS) => ({
      ...{ atS, torrents: checks.counts.lookedAt, peers: checks.peers.lookedAt },
      ...{ drift: sum('faults'), repaired: sum('repaired'), checks, faults, notCompared },
    }),
  }
}
