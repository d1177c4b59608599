import { jsonLine, printable } from '../../../lib/observe/table.ts'
import { paint } from '../paint.ts'
import { EXIT, print } from '../redis.ts'
import type { Failure } from './answer.ts'

/** Tells that nothing came of a question; answers the exit code. */
export async function tellFailure(url: URL, { kind, reason }: Failure, isJson: boolean): Promise<number> {
  if (isJson) await print(jsonLine({ url: url.href, error: { kind, message: reason } }))
  else process.stderr.write(`redswarm: ${sentenceOf(url, kind, reason)}\n`)
  return EXIT.notAll
}

function sentenceOf(url: URL, kind: Failure['kind'], reason: string): string {
  const where = shownTracker(url)
  const told = printable(reason.slice(0, REASON_CHARS_MAX))
  if (kind === 'refused') return `${where} refuses: ${told || '(it says nothing)'}`
  return kind === 'bad answer' ? `what ${where} answers is wrong: ${told}` : `no answer from ${where}: ${told}`
}

/** More of what a tracker writes is not for a terminal. */
const REASON_CHARS_MAX = 500

/** A tracker's URL for people, without a password. */
export const shownTracker = ({ protocol, host, pathname, search }: URL): string =>
  printable(`${protocol}//${host}${pathname === '/' ? '' : pathname}${search}`)

/** The first line of what a tracker told. */
export const headLine = (url: URL, what: string, ms: number): string =>
  `  ${paint('bold', shownTracker(url))}  ${paint('dim', `${what}, answered in ${msText(ms)}`)}\n`

/** Milliseconds for people. */
export const msText = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms).toLocaleString('en-US')} ms`

/** Milliseconds in JSON: to the microsecond. */
export const msNumber = (ms: number): number => Number(ms.toFixed(3))
