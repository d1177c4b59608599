import { OperatorError } from '../../../lib/errors.ts'
import { quoted } from '../given.ts'

/** Addresses that may be used: those of one family, or whichever the name has. */
export type Family = 0 | 4 | 6

/** Whom a question goes to, and how long it may take. */
export type Target = {
  url: URL
  family: Family
  timeoutMs: number
  userAgent: string
  /** The name and password of the URL, as HTTP has them. */
  auth: string | undefined
}

const EXAMPLES = 'udp://127.0.0.1:6969 or http://127.0.0.1:7070/announce'
const PROTOCOLS = ['udp:', 'http:', 'https:']

/** The URL of a tracker; an OperatorError says what is wrong with it. */
export function readTrackerUrl(text: string): URL {
  const url = URL.parse(text)
  if (!url || !PROTOCOLS.includes(url.protocol) || url.hostname === '')
    throw new OperatorError(`a tracker's URL looks like ${EXAMPLES}, not ${quoted(text)}`)
  if (url.protocol === 'udp:' && (url.port === '' || url.port === '0'))
    throw new OperatorError(`${quoted(text)} names no port: a UDP tracker has none of its own, write udp://host:6969`)
  return url
}

/** The name and password of a URL, decoded; undefined where it has none. */
export function credentialsOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  } catch {
    // Not shown: it may be a password.
    throw new OperatorError("a tracker's URL has a % that stands for no character: write %25 for it")
  }
}

/** The host of a URL, an IPv6 address without its brackets. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1')

/** The path and query of a URL, as a UDP announce carries it (BEP 41). */
export const urlDataOf = ({ pathname, search }: URL): string => `${pathname === '/' ? '' : pathname}${search}`
