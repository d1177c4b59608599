import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Frontend, Place, Subject } from '../subject.ts'

/**
 * A tracker that runs already, by the URLs of its first and, where it has one, its second frontend:
 * `udp://host:port`, `http://host:port/announce`. A name is of the family that it is found in first.
 */
export async function subjectAt(first: readonly string[], second: readonly string[]): Promise<Subject> {
  const frontends = [await frontendAt(first)]
  if (second.length > 0) frontends.push(await frontendAt(second))
  return { frontends, setups: {} }
}

async function frontendAt(urls: readonly string[]): Promise<Frontend> {
  const frontend: Frontend = {}
  for (const text of urls) {
    const url = URL.parse(text)
    if (!url || !['udp:', 'http:'].includes(url.protocol)) {
      throw new Error(`${text}: must be like udp://127.0.0.1:6969 or http://127.0.0.1:7070/announce`)
    }
    const place = await placeOf(url)
    const isIpv6 = place.host.includes(':')
    if (url.protocol === 'udp:') frontend[isIpv6 ? 'udp6' : 'udp4'] = place
    else frontend[isIpv6 ? 'http6' : 'http4'] = { ...place, ...pathsOf(url) }
  }
  return frontend
}

async function placeOf({ hostname, port, href }: URL): Promise<Place> {
  const name = hostname.replace(/^\[|\]$/g, '')
  const host = isIP(name) === 0 ? (await lookup(name)).address : name
  if (port === '') throw new Error(`${href}: which port?`)
  return { host, port: Number(port) }
}

/** BEP 48: the scrape's path has `scrape` where the announce's last part begins with `announce`. */
const pathsOf = ({ pathname }: URL) => ({
  announcePath: pathname,
  scrapePath: pathname.replace(/\/announce([^/]*)$/, '/scrape$1'),
})
