import { jsonLine, printable } from '../../../lib/observe/table.ts'
import type { Outside } from '../outside.ts'
import { paint } from '../paint.ts'
import { EXIT, print, runToEnd } from '../redis.ts'
import { textOf } from '../text.ts'
import { type Diagnosis, diagnose } from './doctor.ts'
import { inOrder, isTrouble } from './finding.ts'
import { findingLines, troublesText } from './finding-text.ts'

/** Looks for what is wrong with the machine, Redis and the tracker, and prints it; answers the exit code. */
export const runDoctor = (outside: Outside, { json = false }: { json?: boolean }): Promise<number> =>
  runToEnd(async () => {
    const diagnosis = await diagnose(outside, { root: '', nodeVersion: process.versions.node })
    await print(json ? jsonLine(bodyOf(diagnosis)) : doctorText(diagnosis))
    if (!diagnosis.isWhole) return EXIT.notRun
    return diagnosis.findings.some(isTrouble) ? EXIT.notAll : EXIT.done
  })

const bodyOf = ({ redis, isWhole, findings }: Diagnosis) => ({
  redis: redis ?? null,
  complete: isWhole,
  findings: inOrder(findings).map(({ severity, about, found, todo = null }) => ({ severity, about, found, todo })),
})

function doctorText({ redis, isWhole, findings }: Diagnosis): string {
  const troubles = findings.filter(isTrouble)
  const verdict = troubles.length === 0 ? paint('green', 'nothing is wrong') : paint('red', troublesText(troubles))
  const where = redis === undefined ? '' : ` of ${printable(redis)}`
  const rest = isWhole ? [] : ['  The rest, Redis and the tracker, could not be looked at.']
  return textOf([
    `  ${paint('bold', 'Diagnosis')}${where}: ${verdict}`,
    '',
    ...findingLines(inOrder(findings)),
    ...rest,
  ])
}
