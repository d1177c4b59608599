import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseRedisUrl } from '../../lib/config/redis-url.ts'
import { loadSettings } from '../../lib/config/settings.ts'
import { OperatorError } from '../../lib/errors.ts'

const optionsOf = (url: string) => parseRedisUrl(url).options

/** What the start tells of a URL. */
function problemOf(url: string): string {
  try {
    loadSettings({ REDSWARM_REDIS_URL: url }, false)
  } catch (error) {
    expect(error).toBeInstanceOf(OperatorError)
    return (error as Error).message
  }
  return 'none'
}

/** Files in a folder of the test's own. */
function filesOf(names: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'redswarm-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const paths = names.map((name) => join(folder, name))
  for (const [i, path] of paths.entries()) writeFileSync(path, names[i] as string)
  return paths
}

describe('a Redis URL', () => {
  it('names a server, by host and port or by its socket, and a database', () => {
    expect(parseRedisUrl('redis://h')).toEqual({
      ...{ kind: 'server', hosts: [{ host: 'h', port: 6379 }], shown: 'redis://h' },
      options: { host: 'h', port: 6379, db: 0 },
    })
    expect(optionsOf('redis://u%3A:p%40ss@[::1]:7/3')).toEqual({
      ...{ host: '::1', port: 7, db: 3, username: 'u:', password: 'p@ss' },
    })
    expect(optionsOf('redis://:p@ss:word@h')).toMatchObject({ host: 'h', password: 'p@ss:word' })
    expect(optionsOf('redis://:p@ss,word@h')).toMatchObject({ host: 'h', password: 'p@ss,word' })
    expect(optionsOf('redis://user@h')).toEqual({ host: 'h', port: 6379, db: 0, username: 'user' })
    expect(parseRedisUrl('unix:///run/my%20redis?db=2')).toEqual({
      ...{ kind: 'server', hosts: [], shown: 'unix:///run/my%20redis', options: { path: '/run/my redis', db: 2 } },
    })
    expect(optionsOf('unix://u:p@/run/s')).toEqual({ path: '/run/s', db: 0, username: 'u', password: 'p' })
  })

  it('names nodes of a Cluster', () => {
    expect(parseRedisUrl('redis+cluster://u:p@a,b:7001,[::1]:7002')).toEqual({
      kind: 'cluster',
      hosts: [
        { host: 'a', port: 6379 },
        { host: 'b', port: 7001 },
        { host: '::1', port: 7002 },
      ],
      options: { username: 'u', password: 'p' },
      shown: 'redis+cluster://a,b:7001,[::1]:7002',
    })
  })

  it('names the master of Sentinels, which may have users and passwords of their own', () => {
    const sentinels = [
      { host: 'a', port: 26_379 },
      { host: 'b', port: 1 },
    ]
    expect(parseRedisUrl('redis+sentinel://a,b:1/my%20master')).toEqual({
      kind: 'sentinel',
      hosts: sentinels,
      options: { sentinels, name: 'my master', db: 0 },
      shown: 'redis+sentinel://a,b:1/my%20master',
    })
    expect(
      parseRedisUrl('redis+sentinel://u:p@a,b:1/m?db=3&sentinel_username=s&sentinel_password=a%40b%26c+d='),
    ).toEqual({
      kind: 'sentinel',
      hosts: sentinels,
      options: {
        ...{ sentinels, name: 'm', db: 3, username: 'u', password: 'p' },
        ...{ sentinelUsername: 's', sentinelPassword: 'a@b&c+d=' },
      },
      shown: 'redis+sentinel://a,b:1/m',
    })
  })

  it('asks for TLS, which names one server by its name, and never by an address', () => {
    expect(optionsOf('rediss://redis.example').tls).toEqual({ servername: 'redis.example' })
    expect(optionsOf('rediss://192.0.2.1').tls).toEqual({})
    expect(optionsOf('rediss://[2001:db8::1]').tls).toEqual({})
    expect(optionsOf('rediss+cluster://redis.example').tls).toEqual({})
    expect(optionsOf('rediss+sentinel://redis.example/m')).toMatchObject({
      ...{ tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true },
    })
  })

  it('names files of TLS, whose bytes are read', () => {
    const [ca, cert, key] = filesOf(['a ca', 'a cert', 'a key']).map(encodeURIComponent)
    for (const url of ['rediss://192.0.2.1', 'rediss+cluster://a,b', 'rediss+sentinel://a,b/m']) {
      expect(optionsOf(`${url}?ca=${ca}&cert=${cert}&key=${key}`).tls).toEqual({
        ...{ ca: Buffer.from('a ca'), cert: Buffer.from('a cert'), key: Buffer.from('a key') },
      })
    }
  })

  it('is taken or refused with all other settings, at the start', () => {
    for (const url of ['redis://h', 'redis+cluster://a,b', 'rediss+sentinel://a/m']) expect(problemOf(url)).toBe('none')
    expect(() => loadSettings({ REDSWARM_REDIS_URL: 'redis://h/x', REDSWARM_UPD: '1' }, false)).toThrow(
      /^invalid configuration.*\n {2}REDSWARM_UPD: no such setting\n {2}REDSWARM_REDIS_URL: a database is a number$/,
    )
  })

  const mistakes: [what: string, urls: string[], told: string][] = [
    ['no form that there is', ['localhost:6379', 'redis:', '/run/r.sock', 'http://h', 'unix:/run/r.sock'], 'must be'],
    ['no such way to have several', ['redis+sentinels://h/m', 'unix+cluster:///s'], 'must be'],
    ['a host that is none', ['redis://', 'redis://h:x', 'redis://h:0', 'redis://h:65536', 'redis://::1'], 'host 1 is'],
    ['one of several that is none', ['redis+cluster://a,', 'redis+cluster://a,b:x,c'], 'host 2 is'],
    ['several hosts of one server', ['redis://a,b', 'rediss://a:1,b:2'], 'several hosts'],
    ['no number of a database', ['redis://h/abc', 'redis://h/1/2', 'redis://h/-1', 'unix:///s?db=x'], 'a number'],
    ['the same of Sentinels', ['redis+sentinel://h/m?db=x'], 'a number'],
    ['a database of a Cluster', ['redis+cluster://h/1'], 'one database'],
    ['no name of a master', ['redis+sentinel://h', 'redis+sentinel://h/'], 'the name of the master'],
    ['a socket by half its path', ['unix://run/s', 'unix://localhost/run/s', 'unix://', 'unix:///'], 'whole path'],
    [
      'a query that is not known',
      ['redis://h?ca=x', 'redis+cluster://h?db=1', 'redis+cluster://h?sentinel_password=x'],
      'is not known there',
    ],
    ['one that is written wrong', ['redis+sentinel://h/m?sentinel_pasword=x'], '?sentinel_pasword= is not known there'],
    [
      'one without a value',
      ['rediss://h?ca', 'redis+sentinel://h/m?sentinel_password=', 'unix:///s?db'],
      'has one value',
    ],
    ['one twice', ['unix:///s?db=1&db=2', 'rediss://h?ca=x&ca=y'], 'has one value'],
    [
      'a user for each host',
      ['redis+cluster://u:p@a,u:p@b', 'redis+sentinel://:p@a:1,:p@b:2/m'],
      'once, before the first',
    ],
    [
      'a file that is not there',
      ['rediss://h?ca=/no/such', 'rediss+cluster://h?ca=/no/such'],
      'cannot read the file of ?ca=: ENOENT',
    ],
    ['half of a certificate', ['rediss://h?cert=x', 'rediss://h?key=x'], 'a certificate has a key'],
    [
      'a % that stands for nothing',
      ['redis://:a%zz@h', 'unix:///%', 'redis+sentinel://h/m?sentinel_password=%zz'],
      '%25',
    ],
  ]
  it.each(mistakes)('is refused that has %s', (_, urls, told) => {
    for (const url of urls) {
      expect([url, problemOf(url)]).toEqual([url, expect.stringContaining('REDSWARM_REDIS_URL: ')])
      expect([url, problemOf(url)]).toEqual([url, expect.stringContaining(told)])
    }
  })

  it('is never shown with what may be a secret', () => {
    const wrong = [
      ...[
        'redis://:hunter%zz2@h',
        'redis://:hunter/2@h',
        'redis://:hunter?2@h',
        'redis://:hunter#2@h',
        'redis://:hunter',
        'redis://user:12/hunter',
      ],
      ...[
        'redis://user:hunter@h/x',
        'redis:user:hunter@h',
        ':hunter@h',
        'redis://us@er:hunter@h',
        'redis://u:hunter@a,b',
      ],
      ...['redis+cluster://:hunter//2@h', 'redis+sentinel://h/m?sentinel_password=hunter@2'],
      ...['redis+sentinel://h?sentinel_password=hunter', 'redis+sentinel://h/m?db=x&sentinel_password=hunter'],
      ...['redis+cluster://h?sentinel_password=hunter', 'rediss://:hunter@h?ca=/no/such'],
    ]
    for (const url of wrong)
      expect([url, problemOf(url)]).toEqual([url, expect.stringMatching(/^(?!.*hunter)invalid/s)])
    const right = [
      ...['redis://user:hunter@h:1/2', 'redis://:hunter@2@h', 'unix://user:hunter@/s', 'redis+cluster://:hunter@a,b'],
      'redis+sentinel://u:hunter@a,b/m?sentinel_username=hunter&sentinel_password=hunter',
    ]
    for (const url of right) expect(parseRedisUrl(url).shown).not.toContain('hunter')
    expect(parseRedisUrl('redis://user:hunter@h:1/2').shown).toBe('redis://h:1/2')
  })
})
