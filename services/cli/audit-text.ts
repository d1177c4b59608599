import { shown } from '../../lib/observe/table.ts'
import { AUDIT_CHECKS, type AuditCheck, type AuditFault, type AuditReport } from '../../lib/store/audit/report.ts'
import type { Paint } from './paint.ts'

/** What each check looks at. */
const LOOKED_AT: Record<AuditCheck, string> = {
  keys: 'keys',
  index: 'torrents',
  'due times': 'torrents',
  counts: 'torrents',
  peers: 'peers',
  pieces: 'pieces',
  completed: 'torrents',
  totals: 'shards',
}

/** Faults that are shown one by one. */
const FAULTS_SHOWN_MAX = 20

/** What an audit found, for people. */
export function auditText(report: AuditReport, isRepair: boolean, paint: Paint): string {
  const lines = ['', ...tableOf(report, paint)]
  if (report.faults.length > 0) lines.push('', ...faultLines(report, isRepair, paint))
  if (report.notCompared.length > 0)
    lines.push('', ...listOf(report.notCompared.map((what) => `  not compared: ${what}`)))
  return [...lines, '', ...verdict(report, isRepair, paint), ''].join('\n')
}

function tableOf({ checks }: AuditReport, paint: Paint): string[] {
  const rows = AUDIT_CHECKS.map((check) => {
    const { lookedAt, faults, repaired } = checks[check]
    return [check, shown(lookedAt), LOOKED_AT[check], shown(faults), shown(repaired)]
  })
  const columns = [['check', 'looked at', '', 'faults', 'repaired'], ...rows]
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...columns.map((row) => row[i]?.length ?? 0)))
  const line = ([check = '', ...rest]: string[]) => {
    const [lookedAt = '', unit = '', faults = '', repaired = ''] = rest
    const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = widths
    const looked = `${lookedAt.padStart(second)} ${unit.padEnd(third)}`
    return `  ${check.padEnd(first)}  ${looked}  ${faults.padStart(fourth)}  ${repaired.padStart(fifth)}`
  }
  return columns.map((row, i) => {
    if (i === 0) return paint('dim', line(row))
    return checks[row[0] as AuditCheck].faults > 0 ? paint('red', line(row)) : line(row)
  })
}

function faultLines({ faults, drift }: AuditReport, isRepair: boolean, paint: Paint): string[] {
  const lines = faults.map((fault) => `  ${sentence(fault)}${isRepair ? paint(...outcome(fault)) : ''}`)
  return listOf(lines, drift)
}

const outcome = ({ isRepaired }: AuditFault): ['green' | 'yellow', string] =>
  isRepaired ? ['green', ' (repaired)'] : ['yellow', ' (not repaired)']

/** The first lines of a list, and how many more there are of all. */
function listOf(lines: readonly string[], total = lines.length): string[] {
  const shownLines = lines.slice(0, FAULTS_SHOWN_MAX)
  const more = total - shownLines.length
  return more > 0 ? [...shownLines, `  … and ${shown(more)} more (--json has them)`] : shownLines
}

/** A key of somebody else's may hold anything, and must not reach a terminal as it is. */
const sentence = ({ key, fault }: AuditFault): string =>
  `${key} ${fault}`.replace(/[^\x20-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)

function verdict({ drift, repaired }: AuditReport, isRepair: boolean, paint: Paint): string[] {
  const head = (style: 'red' | 'green' | 'yellow', rest: string) => `  ${paint(style, `drift: ${shown(drift)}`)}${rest}`
  if (drift === 0) return [head('green', '  all is as the peers stored say')]
  if (!isRepair) return [head('red', ''), '  `redswarm audit --repair` makes anew what follows from the peers stored.']
  if (repaired === drift) return [head('yellow', ', all of it repaired'), '  Another audit shows whether more comes.']
  return [
    head('red', `, ${shown(repaired)} repaired`),
    '  What is left is yours to look at: each line above says what to do (docs/audit.md).',
  ]
}
