import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { summaryOf } from '../../services/cli/summary.ts'
import type { Started } from '../../services/parts.ts'

const ALL: Started = {
  udp: [
    { address: '0.0.0.0', port: 6969 },
    { address: '::', port: 6969 },
  ],
  http: [{ address: '0.0.0.0', port: 7070 }],
  api: [{ address: '127.0.0.1', port: 1212 }],
  health: [{ address: '127.0.0.1', port: 1313 }],
  metrics: [{ address: '127.0.0.1', port: 9464 }],
  newToken: undefined,
}
const ABOUT = { version: '1.2.3', redis: 'redis://10.0.0.5:6379', tokenFile: '/data/api-token' }

const linesOf = (changes: Partial<Started> = {}, about = ABOUT) => summaryOf({ ...ALL, ...changes }, about).split('\n')

describe('the summary', () => {
  it('has a row for all that listens, and for Redis, with the columns lined up', () => {
    const lines = linesOf()
    const rows = lines.slice(lines.indexOf('  Redswarm 1.2.3 is serving') + 2, lines.indexOf('', 3))
    expect(rows).toEqual([
      '  UDP tracker   0.0.0.0:6969',
      '  UDP tracker   [::]:6969',
      '  HTTP tracker  0.0.0.0:7070',
      '  Dashboard     http://127.0.0.1:1212/',
      '  REST API      http://127.0.0.1:1212/api/v1/stats',
      '  API token     kept in /data/api-token',
      '  Health        http://127.0.0.1:1313/health_check',
      '  Metrics       http://127.0.0.1:9464/metrics',
      '  Redis         redis://10.0.0.5:6379',
    ])
  })

  it('gives announce URLs that a client can use: of no wildcard address', () => {
    const urls = linesOf().filter((line) => line.endsWith('/announce'))
    expect(urls.map((url) => url.trim().replace(/\/\/.*:/, '//<address>:'))).toEqual([
      'udp://<address>:6969/announce',
      'http://<address>:7070/announce',
    ])
    for (const url of urls) expect(url).not.toMatch(/0\.0\.0\.0|\[::\]/)
    const own = linesOf({ udp: [], http: [{ address: '2001:db8::1', port: 80 }] })
    expect(own).toContain('    http://[2001:db8::1]:80/announce')
  })

  it('shows the token where it is new, and else where it is kept', () => {
    const newToken = { token: 'a-new-token', file: '/data/api-token' }
    const lines = linesOf({ newToken })
    const at = lines.indexOf('  API token, shown this once and kept in /data/api-token')
    expect(lines[at + 1]).toBe('    a-new-token')
    expect(lines.join('\n')).not.toContain('  API token     ')
    expect(linesOf().join('\n')).not.toMatch(/token, shown|a-new-token/)
  })

  it('leaves out what was not started', () => {
    const text = linesOf({ http: [], api: [], health: [], udp: [] }).join('\n')
    expect(text).not.toMatch(/tracker {2}|REST|API token|Dashboard|Health|curl|Announce URLs/)
    expect(text).toContain('npx redswarm --help')
  })

  it.each(['plain', "a 'folder' with $marks"])('gives a command for the API that works as pasted: %s', (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'redswarm-test-'))
    try {
      const tokenFile = join(folder, name)
      writeFileSync(tokenFile, 'the-token\n')
      const tip = linesOf({}, { ...ABOUT, tokenFile }).find((line) => line.includes('curl -H'))
      const shell = `curl() { printf '%s\\n' "$@"; }; ${tip}`
      const words = execFileSync('sh', ['-c', shell], { encoding: 'utf8' }).trim().split('\n')
      expect(words).toEqual(['-H', 'Authorization: Bearer the-token', 'http://127.0.0.1:1212/api/v1/stats'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('asks the API for no token that only the settings have', () => {
    const text = summaryOf(ALL, { ...ABOUT, tokenFile: undefined })
    expect(text).toContain('curl http://127.0.0.1:1212/api/health_check')
    expect(text).not.toMatch(/Bearer|API token/)
  })
})
