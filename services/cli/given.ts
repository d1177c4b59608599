import { OperatorError } from '../../lib/errors.ts'
import { printable } from '../../lib/observe/table.ts'
import { type InfoHash, infoHashFromHex } from '../../lib/wire/info-hash.ts'

/** What was given, for an error: in quotes, shortened, and nothing that a terminal could take for a command. */
export const quoted = (text: string): string => printable(JSON.stringify(text.slice(0, 80)))

/** The info hash of an argument; an OperatorError says what is wrong with it. */
export function readHash(text: string): InfoHash {
  const infoHash = infoHashFromHex(text)
  if (infoHash) return infoHash
  throw new OperatorError(`an info hash must be 40 hex digits, not ${quoted(text)}`)
}

/** The whole number of an option, within bounds; an OperatorError says what they are. */
export function readNumber(option: string, text: string, min: number, max: number): number {
  const number = Number(text)
  if (/^\d{1,15}$/.test(text) && number >= min && number <= max) return number
  const bounds = `${min.toLocaleString('en-US')} to ${max.toLocaleString('en-US')}`
  throw new OperatorError(`${option} must be a whole number, ${bounds}, not ${quoted(text)}`)
}

/** The seconds of an option, with fractions, as milliseconds; likewise. */
export function readSecondsMs(option: string, text: string, min: number, max: number): number {
  const seconds = Number(text)
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text) && seconds >= min && seconds <= max) return Math.round(seconds * 1000)
  throw new OperatorError(`${option} must be seconds, ${min} to ${max}, not ${quoted(text)}`)
}
