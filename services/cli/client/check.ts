import { OperatorError } from '../../../lib/errors.ts'
import { jsonLine, printable, tableOf } from '../../../lib/observe/table.ts'
import { INFO_HASH_BYTES, type InfoHash } from '../../../lib/wire/info-hash.ts'
import { readHash } from '../given.ts'
import type { Outside } from '../outside.ts'
import { paint } from '../paint.ts'
import { EXIT, print, runToEnd } from '../redis.ts'
import { textOf } from '../text.ts'
import { type Check, checkTarget } from './check-steps.ts'
import { type AskOptions, targetOf } from './options.ts'
import { msNumber, msText, shownTracker } from './told.ts'

/** Trackers that are asked at once. */
const CHECKS_AT_ONCE = 32
/** More is a mistake, or an attack. */
const CHECKS_MAX = 1000
const REASON_CHARS_MAX = 200

/** Checks whether trackers and health services answer as they should; answers the exit code. */
export const runCheck = (
  outside: Outside,
  urls: readonly string[],
  options: AskOptions & { hash?: string },
): Promise<number> =>
  runToEnd(async () => {
    if (urls.length > CHECKS_MAX) throw new OperatorError(`at most ${CHECKS_MAX} URLs are checked, not ${urls.length}`)
    const infoHash = options.hash === undefined ? undefined : readHash(options.hash)
    const targets = urls.map((url) => targetOf(url, options, outside))
    const checks = new Array<Check>(targets.length)
    const queue = targets.entries()
    const checkNext = async (): Promise<void> => {
      for (const [i, target] of queue) checks[i] = await checkTarget(target, outside, infoHash ?? chosen(outside))
    }
    await Promise.all(Array.from({ length: Math.min(CHECKS_AT_ONCE, targets.length) }, checkNext))
    await print(options.json ? checks.map((check) => jsonLine(bodyOf(check))).join('') : checksText(checks))
    return checks.every(({ isWell }) => isWell) ? EXIT.done : EXIT.notAll
  })

/** An info hash that no torrent has. */
const chosen = ({ chance }: Outside): InfoHash => chance(INFO_HASH_BYTES) as InfoHash

const bodyOf = ({ url, isWell, ms, steps, problem }: Check) => ({
  url: url.href,
  ok: isWell,
  ms: msNumber(ms),
  steps: Object.fromEntries(steps.map(({ name, ms: its }) => [name, msNumber(its)])),
  problem: problem ? { step: problem.step, kind: problem.kind, message: problem.reason } : null,
})

function checksText(checks: readonly Check[]): string {
  const rows = checks.map(({ url, isWell, ms, steps, problem }) => {
    const done = steps.map(({ name, ms: its }) => `${name} ${msText(its)}`)
    const wrong = problem
      ? [
          `${problem.step}: ${problem.kind === 'refused' ? 'refused: ' : ''}${problem.reason.slice(0, REASON_CHARS_MAX)}`,
        ]
      : []
    return [isWell ? 'OK' : 'FAIL', shownTracker(url), msText(ms), printable([...wrong, ...done].join(', '))]
  })
  const [head = '', ...lines] = tableOf(['', 'checked', 'time', 'found'], rows, [0, 1, 3])
  const painted = lines.map((line, i) => (checks[i]?.isWell ? line : paint('red', line)))
  return textOf([paint('dim', head), ...painted])
}
