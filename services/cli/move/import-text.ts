import { printable, shown } from '../../../lib/observe/table.ts'
import type { AuditReport } from '../../../lib/store/audit/report.ts'
import { EXPORTED, type ExportTotals, type ImportReport } from '../../../lib/store/move/progress.ts'
import type { ExportHeader } from '../../../lib/store/move/records.ts'
import { textOf, timeText } from '../text.ts'
import { nameOf } from './file-kind.ts'
import { outcomeTable } from './outcome-text.ts'

/** An import that has come to its end. */
export type Imported = {
  file: string
  header: ExportHeader
  report: ImportReport
  audit: AuditReport
  /** What Redis had before and has now. */
  before: ExportTotals
  stored: ExportTotals
  /** After which line of the file it went on; 0: it was not interrupted. */
  resumedAfter: number
}

/** Whether all of an export is there, by what was counted and what an audit found; with what is to be said of it. */
export type Verdict = { isAll: boolean; notes: string[] }

/** Holds what was imported against the file's own counts, and against what is stored. */
export function verdictOf({ report, audit, before, stored }: Imported): Verdict {
  const problems: string[] = []
  for (const name of EXPORTED) {
    const { rows, bad } = report[name]
    if (bad > 0) problems.push(`${shown(bad)} ${name} were left out: Redis holds damaged keys in their place`)
    const told = report.end?.[name]
    if (told !== rows) problems.push(`the file tells of ${shown(told ?? 0)} ${name} at its end, and has ${shown(rows)}`)
  }
  for (const name of ['torrents', 'peers'] as const) {
    const expected = before[name] + report[name].added
    if (stored[name] < expected)
      problems.push(
        `${shown(expected - stored[name])} ${name} fewer are stored than there should be: stopped or expired meanwhile, or lost; run it again`,
      )
  }
  if (audit.drift > 0) problems.push(`the audit found drift: ${shown(audit.drift)}; redswarm audit --repair mends it`)
  const secrets = {
    ...{ none: [], same: [], taken: ['the secret of the file is taken: frontends that run must be started again'] },
    other: ['the secret of the file is left out: there is another here, which frontends use'],
  }
  return { isAll: problems.length === 0, notes: [...problems, ...secrets[report.secret]] }
}

/** What an import has done, for people. */
export function importText(imported: Imported, { notes }: Verdict, redis: string): string {
  const { file, header, report, audit, stored, resumedAfter } = imported
  const { torrents, peers, whitelist, keys, bans, denied, clients, accounts, reports, problems } = report
  const of = `of ${timeText(header.at)}, by redswarm ${printable(header.version)}${header.peers ? '' : ', without peers'}`
  return textOf([
    `  Imported ${nameOf(file)} (${of}) into ${redis}`,
    ...(resumedAfter > 0 ? [`  gone on after line ${shown(resumedAfter)}, where it was interrupted`] : []),
    '',
    ...outcomeTable({ torrents, peers, whitelist, keys, bans, denied, clients, accounts, reports }),
    '',
    `  stored now: ${shown(stored.torrents)} torrents, ${shown(stored.peers)} peers; audit: drift ${shown(audit.drift)}`,
    ...problems.map((problem) => `  left out: ${printable(problem)}`),
    ...notes.map((note) => `  ${note}`),
  ])
}
