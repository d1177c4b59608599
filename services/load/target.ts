import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { OperatorError } from '../../lib/errors.ts'
import { scrapePathOf } from '../../lib/wire/scrape-path.ts'

/** What can be loaded. */
export type Protocol = 'udp' | 'http'

/** Where the tracker is. */
export type Target = {
  protocol: Protocol
  /** As it was given. */
  url: string
  address: string
  port: number
  isLoopback: boolean
  /** Of an HTTP tracker: what is asked for, and what a scrape asks for in its place. */
  announcePath: string
  scrapePath: string
}

const ATTACK = 'a load generator aimed at a tracker that is not yours is an attack'

/** Reads the URL of a tracker; one that is not on this machine is refused unless `isRemoteAllowed`. */
export async function readTarget(protocol: Protocol, text: string, isRemoteAllowed: boolean): Promise<Target> {
  const url = URL.parse(text)
  if (!url || url.protocol !== `${protocol}:` || url.hostname === '') {
    const example = protocol === 'udp' ? 'udp://127.0.0.1:6969' : 'http://127.0.0.1:7070/announce'
    throw new OperatorError(`URL: "${text}" is no ${protocol} tracker's: it looks like ${example}`)
  }
  const port = Number(url.port || (protocol === 'http' ? 80 : 0))
  if (port === 0) throw new OperatorError(`URL: "${text}" names no port: write it as udp://127.0.0.1:6969`)
  const address = await addressOf(url.hostname)
  const range = ipaddr.process(address).range()
  const isLoopback = range === 'loopback'
  if (!isLoopback) checkRemote(text, range, isRemoteAllowed)
  return { protocol, url: text, address, port, isLoopback, ...pathsOf(url) }
}

async function addressOf(hostname: string): Promise<string> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0) return host
  if (host === 'localhost') return '127.0.0.1'
  try {
    return (await lookup(host)).address
  } catch {
    throw new OperatorError(`URL: no address is known of "${host}": write the tracker's address`)
  }
}

/** Networks of one's own, the only ones that a load may go to beside the loopback. */
const OWN_RANGES = ['private', 'uniqueLocal', 'linkLocal', 'carrierGradeNat']

function checkRemote(text: string, range: string, isAllowed: boolean): void {
  if (!OWN_RANGES.includes(range)) {
    throw new OperatorError(`URL: "${text}" is on the public network, which is never loaded: ${ATTACK}`)
  }
  if (!isAllowed) {
    throw new OperatorError(
      `URL: "${text}" is not on this machine: ${ATTACK}\n  if it is yours and may be loaded, say so with --remote`,
    )
  }
}

function pathsOf({ pathname, search }: URL): { announcePath: string; scrapePath: string } {
  const path = pathname === '/' || pathname === '' ? '/announce' : pathname
  const scrape = scrapePathOf(path)
  const separator = search === '' ? '?' : `${search}&`
  return { announcePath: path + separator, scrapePath: scrape === undefined ? '' : scrape + separator }
}
