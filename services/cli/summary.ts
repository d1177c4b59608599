import { networkInterfaces } from 'node:os'
import { type Listen, listenText } from '../../lib/config/listen.ts'
import type { Started } from '../parts.ts'

/** What a summary tells beside what was started; `tokenFile` is where the API token is kept, unless the settings have it. */
type About = { version: string; redis: string; tokenFile: string | undefined }

/** What a person sees once all is serving: what listens where, what to paste into a torrent client, what to try next. */
export function summaryOf(started: Started, { version, redis, tokenFile }: About): string {
  const { udp, http, api, health, metrics, newToken } = started
  const announceUrls = [
    ...udp.slice(0, 1).map((listen) => `udp://${reachable(listen)}/announce`),
    ...http.slice(0, 1).map((listen) => `http://${reachable(listen)}/announce`),
  ]
  // A first start that failed, at a port that was taken, has shown nobody the token that it made.
  const keptToken = api.length > 0 && !newToken ? tokenFile : undefined
  const rows: [string, string][] = [
    ...udp.map((listen): [string, string] => ['UDP tracker', listenText(listen)]),
    ...http.map((listen): [string, string] => ['HTTP tracker', listenText(listen)]),
    ...api.map((listen): [string, string] => ['Dashboard', `http://${reachable(listen)}/`]),
    ...api.map((listen): [string, string] => ['REST API', `http://${reachable(listen)}/api/v1/stats`]),
    ...(keptToken === undefined ? [] : [['API token', `kept in ${keptToken}`] satisfies [string, string]]),
    ...health.map((listen): [string, string] => ['Health', `http://${reachable(listen)}/health_check`]),
    ...metrics.map((listen): [string, string] => ['Metrics', `http://${reachable(listen)}/metrics`]),
    ['Redis', redis],
  ]
  const lines = [
    '',
    `  Redswarm ${version} is serving`,
    '',
    ...rows.map(([name, where]) => `  ${name.padEnd(14)}${where}`),
  ]
  if (announceUrls.length > 0)
    lines.push('', '  Announce URLs for a torrent client', ...announceUrls.map((url) => `    ${url}`))
  if (newToken) lines.push('', `  API token, shown this once and kept in ${newToken.file}`, `    ${newToken.token}`)
  lines.push('', '  Try next', ...tips(started, tokenFile).map((tip) => `    ${tip}`), '', '  Ctrl-C stops it.', '')
  return lines.join('\n')
}

/** Commands that work as pasted: of a token that only the settings have, nothing is shown. */
function tips({ http, api }: Started, tokenFile: string | undefined): string[] {
  const found: string[] = []
  const [tracker] = http
  const [rest] = api
  if (tracker) found.push(`curl http://${reachable(tracker)}/health_check`)
  if (rest && tokenFile !== undefined) {
    const header = `"Authorization: Bearer $(cat ${shellWord(tokenFile)})"`
    found.push(`curl -H ${header} http://${reachable(rest)}/api/v1/stats`)
  } else if (rest) found.push(`curl http://${reachable(rest)}/api/health_check`)
  found.push('npx redswarm --help')
  return found
}

/** A text as one word of a shell's command line. */
export const shellWord = (text: string): string =>
  /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

/** An address that a client of this machine can use: a wildcard is no address to paste. */
function reachable(listen: Listen): string {
  if (listen.address !== '0.0.0.0' && listen.address !== '::') return listenText(listen)
  const family = listen.address === '::' ? 'IPv6' : 'IPv4'
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family: its, internal, address }) => its === family && !internal && !address.startsWith('fe80:'))
  const loopback = family === 'IPv6' ? '::1' : '127.0.0.1'
  return listenText({ address: own?.address ?? loopback, port: listen.port })
}
