import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMissingIpv6, listenError, listenText, parseListens } from '../../lib/config/listen.ts'
import { secretNames, settingsSchema } from '../../lib/config/schema.ts'
import { loadSettings, type Settings } from '../../lib/config/settings.ts'
import { OperatorError } from '../../lib/errors.ts'
import { INTERVAL_SPREAD } from '../../lib/swarm/announce.ts'
import { networkText, parseNetworks } from '../../lib/wire/network.ts'

type Environment = Record<string, string | undefined>
const load = (environment: Environment = {}): Settings => loadSettings(environment, false)

/** The problems that are told of an environment, each a line. */
function problemsOf(environment: Environment, dotenv: false | { path: string } = false): string[] {
  try {
    loadSettings(environment, dotenv)
    return []
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error
    const [head, ...lines] = error.message.split('\n  ')
    expect(head).toBe('invalid configuration (every setting is in docs/configuration.md)')
    return lines
  }
}

/** Runs a test with a `.env` file of this text. */
function withDotenv(text: string, test: (path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'redswarm-test-'))
  try {
    writeFileSync(join(folder, '.env'), text)
    test(join(folder, '.env'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('the settings', () => {
  it('have defaults, which need nothing set', () => {
    const {
      udpListens,
      httpListens,
      apiListens,
      healthListens,
      metricsListens,
      limits: _,
      ...others
    } = load({
      REDSWARM_UNSET: undefined,
    })
    expect(udpListens.map(listenText)).toEqual(['0.0.0.0:6969', '[::]:6969'])
    expect(httpListens.map(listenText)).toEqual(['0.0.0.0:7070', '[::]:7070'])
    expect(apiListens.map(listenText)).toEqual(['127.0.0.1:1212'])
    expect(healthListens.map(listenText)).toEqual(['127.0.0.1:1313'])
    expect(metricsListens.map(listenText)).toEqual(['127.0.0.1:9464'])
    expect(others).toEqual({
      ...{
        redisUrl: undefined,
        redisServer: undefined,
        isMetricsListenGiven: false,
        keyPrefix: '',
        apiToken: undefined,
        apiTokens: [],
        secret: undefined,
      },
      ...{
        listed: false,
        isPrivate: false,
        eventsMax: 10_000,
        peerDetails: true,
        trustedProxies: [],
        logLevel: 'info',
        dataDir: resolve('data'),
      },
      ...{ announceIntervalS: 1800, announceMinIntervalS: 900, peerLifetimeS: 3900, sweepIntervalS: 60 },
      ...{ udpProcesses: 1, httpProcesses: 1 },
      ...{ numwantDefault: 50, numwantMax: 200, connectionIdLifetimeS: 120 },
    })
  })

  it('are what the environment says, numbers and booleans of text', () => {
    expect(
      load({
        REDSWARM_REDIS_URL: 'redis://example.test:6379',
        REDSWARM_UDP_LISTEN: '192.0.2.1:1',
        REDSWARM_LISTED: 'true',
        REDSWARM_PEER_DETAILS: 'false',
        REDSWARM_NUMWANT_MAX: '100',
        REDSWARM_LOG_LEVEL: 'debug',
        REDSWARM_DATA_DIR: 'elsewhere',
        UNRELATED: 'x',
      }),
    ).toMatchObject({
      redisUrl: 'redis://example.test:6379',
      udpListens: [{ address: '192.0.2.1', port: 1 }],
      listed: true,
      peerDetails: false,
      numwantMax: 100,
      logLevel: 'debug',
      dataDir: resolve('elsewhere'),
    })
  })

  it('that are empty are unset, each of them: Compose gives them so', () => {
    const empty = Object.fromEntries(Object.keys(settingsSchema.properties).map((name) => [name, '']))
    expect(load(empty)).toEqual(load())
    withDotenv('REDSWARM_NUMWANT_MAX=111\nREDSWARM_UPD_LISTEN=\n', (path) => {
      expect(problemsOf(empty, { path })).toEqual(['REDSWARM_UPD_LISTEN: no such setting'])
    })
    withDotenv('REDSWARM_NUMWANT_MAX=111\n', (path) => {
      expect(loadSettings(empty, { path }).numwantMax).toBe(111)
    })
  })

  it('tell every problem at once: unknown names, wrong values and wrong lists', () => {
    const problems = problemsOf({
      REDSWARM_UPD_LISTEN: '0.0.0.0:6969',
      REDSWARM_NUMWANT: '50',
      REDSWARM_NUMWANT_MAX: 'many',
      REDSWARM_SWEEP_INTERVAL_S: '0',
      REDSWARM_LISTED: 'yes',
      REDSWARM_LOG_LEVEL: 'loud',
      REDSWARM_HTTP_LISTEN: 'localhost:7070',
      REDSWARM_TRUSTED_PROXIES: 'proxy.example.test',
      REDSWARM_KEY_PREFIX: 'a{b}',
      REDSWARM_REDIS_URL: 'http://user:hush@example.test',
    })
    expect(problems.sort()).toEqual([
      'REDSWARM_HTTP_LISTEN: must be like 0.0.0.0:6969,[::]:6969, not localhost:7070',
      'REDSWARM_KEY_PREFIX: must be ASCII letters, digits and marks, without spaces, { and }',
      'REDSWARM_LISTED: must be boolean',
      'REDSWARM_LOG_LEVEL: must be one of fatal, error, warn, info, debug, trace',
      'REDSWARM_NUMWANT: no such setting',
      'REDSWARM_NUMWANT_MAX: must be integer',
      expect.stringMatching(/^REDSWARM_REDIS_URL: must be redis:\/\/host:port, rediss:(?!.*hush)/),
      'REDSWARM_SWEEP_INTERVAL_S: must be >= 1',
      'REDSWARM_TRUSTED_PROXIES: must be addresses or networks like 10.0.0.0/8, with commas between',
      'REDSWARM_UPD_LISTEN: no such setting',
    ])
  })

  it('tell of settings that do not go together, beside unknown names', () => {
    const problems = problemsOf({
      REDSWARM_FOO: '1',
      REDSWARM_NUMWANT_DEFAULT: '60',
      REDSWARM_NUMWANT_MAX: '59',
      REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1801',
      REDSWARM_PEER_LIFETIME_S: '1800',
    })
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'REDSWARM_FOO',
      'REDSWARM_PEER_LIFETIME_S',
      'REDSWARM_ANNOUNCE_MIN_INTERVAL_S',
      'REDSWARM_NUMWANT_DEFAULT',
    ])
  })

  it('may be equal where one must not be more than the other', () => {
    const equal = {
      REDSWARM_NUMWANT_DEFAULT: '60',
      REDSWARM_NUMWANT_MAX: '60',
      REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1800',
    }
    expect(problemsOf(equal)).toEqual([])
  })

  it('do not blame a right value for the default that stands in for a wrong one', () => {
    const environment = { REDSWARM_ANNOUNCE_INTERVAL_S: '7200', REDSWARM_PEER_LIFETIME_S: '16k' }
    expect(problemsOf(environment)).toEqual(['REDSWARM_PEER_LIFETIME_S: must be integer'])
  })

  it('have a peer outlive the longest interval that a frontend tells, and a sweep', () => {
    const intervalArb = fc.oneof(fc.constant(1800), fc.integer({ min: 10, max: 86400 }))
    fc.assert(
      fc.property(intervalArb, fc.integer({ min: 1, max: 3600 }), fc.boolean(), (intervalS, sweepS, isEnough) => {
        const leastS = Math.round(intervalS * (1 + INTERVAL_SPREAD)) + sweepS
        const problems = problemsOf({
          REDSWARM_ANNOUNCE_INTERVAL_S: `${intervalS}`,
          REDSWARM_ANNOUNCE_MIN_INTERVAL_S: '1',
          REDSWARM_SWEEP_INTERVAL_S: `${sweepS}`,
          REDSWARM_PEER_LIFETIME_S: `${isEnough ? leastS + 1 : leastS}`,
        })
        const problem = expect.stringContaining(`REDSWARM_PEER_LIFETIME_S: must be more than ${leastS} `)
        expect(problems).toEqual(isEnough ? [] : [problem])
      }),
      { numRuns: 30 },
    )
  })

  it('leave what Kubernetes sets for a service alone, and nothing that only looks like it', () => {
    const kubernetes = Object.fromEntries(
      ['REDSWARM', 'REDSWARM_UDP', 'REDSWARM_MY_TRACKER'].flatMap((name) => [
        [`${name}_SERVICE_HOST`, '10.0.0.1'],
        [`${name}_SERVICE_PORT`, '6969'],
        [`${name}_SERVICE_PORT_TRACKER`, '6969'],
        [`${name}_PORT`, 'udp://10.0.0.1:6969'],
        [`${name}_PORT_6969_UDP`, 'udp://10.0.0.1:6969'],
        [`${name}_PORT_6969_UDP_PROTO`, 'udp'],
        [`${name}_PORT_6969_UDP_PORT`, '6969'],
        [`${name}_PORT_6969_UDP_ADDR`, '10.0.0.1'],
      ]),
    )
    expect(problemsOf(kubernetes)).toEqual([])
    expect(problemsOf({ REDSWARM_UDP_PORT: '6969' })).toEqual(['REDSWARM_UDP_PORT: no such setting'])
    expect(problemsOf({ REDSWARM_PORT_RANGE: '1' })).toEqual(['REDSWARM_PORT_RANGE: no such setting'])
    expect(problemsOf({ REDSWARM_SERVICE_HOSTS: '1' })).toEqual(['REDSWARM_SERVICE_HOSTS: no such setting'])
  })

  it('come from a .env file where the environment does not say otherwise', () => {
    withDotenv('REDSWARM_NUMWANT_MAX=111\nREDSWARM_NUMWANT_DEFAULT=11\nUNRELATED=x\n', (path) => {
      const settings = loadSettings({ REDSWARM_NUMWANT_MAX: '222' }, { path })
      expect(settings).toMatchObject({ numwantMax: 222, numwantDefault: 11 })
      const workingFolder = process.cwd()
      process.chdir(dirname(path))
      const found = loadSettings({})
      process.chdir(workingFolder)
      expect(found.numwantMax).toBe(111)
    })
    withDotenv('REDSWARM_UPD_LISTEN=x\nREDSWARM_LISTED=maybe\n', (path) => {
      const problems = ['REDSWARM_UPD_LISTEN: no such setting', 'REDSWARM_LISTED: must be boolean']
      expect(problemsOf({}, { path })).toEqual(problems)
    })
  })

  it('need no .env file, but one that cannot be read is a problem', () => {
    withDotenv('', (path) => {
      expect(loadSettings({}, { path: `${path}-missing` })).toEqual(load())
      expect(() => loadSettings({}, { path: resolve(path, '..') })).toThrow(OperatorError)
    })
  })

  it('name every secret, so that none is logged', () => {
    const suspects = Object.keys(settingsSchema.properties).filter((name) => /SECRET|TOKEN|PASS|KEY$|URL/.test(name))
    const tokens = ['REDSWARM_API_TOKEN', 'REDSWARM_API_TOKENS']
    expect(suspects).toEqual(['REDSWARM_REDIS_URL', ...tokens, 'REDSWARM_SECRET'])
    expect(secretNames).toEqual(suspects)
    expect(problemsOf({ REDSWARM_SECRET: 'hush', REDSWARM_API_TOKEN: 'hushed' }).join()).not.toContain('hush')
  })
})

describe('addresses to listen on', () => {
  it.each([
    ['0.0.0.0:6969,[::]:6970', ['0.0.0.0:6969', '[::]:6970']],
    [' 192.0.2.1:0 , [2001:DB8::1]:65535', ['192.0.2.1:0', '[2001:DB8::1]:65535']],
  ])('are read with their ports: %j', (text, listens) => {
    expect(parseListens(text)?.map(listenText)).toEqual(listens)
  })

  it.each([
    ...['', ',', '0.0.0.0:1,', '0.0.0.0', ':6969', '0.0.0.0:', '0.0.0.0:65536', '0.0.0.0:-1', '0.0.0.0:1x', '::1:6969'],
    ...['[::1]', '[::1:6969', '[::g]:1', '256.0.0.1:1', '1.2.3:1', 'localhost:1', '0.0.0.0:1;[::]:1'],
  ])('are not read where one is none: %j', (text) => {
    expect(parseListens(text)).toBeUndefined()
  })

  it.each([
    ['EADDRINUSE', /port 80 is in use .* set SETTING/],
    ['EACCES', /ports below 1024 .* set SETTING/],
    ['EADDRNOTAVAIL', /no such address: set SETTING/],
    ['EOTHER', /: as thrown$/],
  ])('that cannot be had come with what to do: %s', (code, why) => {
    const thrown = Object.assign(new Error('as thrown'), { code })
    const { message } = listenError('udp', 'SETTING', { address: '::1', port: 80 }, thrown)
    expect(message).toMatch(/^cannot listen on udp \[::1\]:80: /)
    expect(message).toMatch(why)
  })

  it('may be missing where they are all of IPv6 and the host has none', () => {
    const isMissing = (address: string, code: string) => isMissingIpv6({ address, port: 1 }, { code })
    expect([isMissing('::', 'EAFNOSUPPORT'), isMissing('::', 'EADDRNOTAVAIL')]).toEqual([true, true])
    expect([isMissing('::', 'EADDRINUSE'), isMissing('::1', 'EADDRNOTAVAIL')]).toEqual([false, false])
  })
})

describe('trusted proxies', () => {
  it('are addresses and networks, with or without spaces around', () => {
    expect(parseNetworks('')).toEqual([])
    const networks = parseNetworks(' ::1 ,10.0.0.0/8,, 2001:db8::/32,::/128,::1.2.3.4,192.0.2.1/32')
    expect(networks?.map(networkText)).toEqual([
      ...['::1', '10.0.0.0/8', '2001:db8::/32', '::', '::102:304', '192.0.2.1'],
    ])
  })

  // Each of them would stop the HTTP frontend at its start, or have it believe everybody.
  it.each([
    ...['10', '10/8', '010.0.0.1', '10.0.0.0/33', '10.0.0.0/0', '::/0', '::/129', '10.0.0.0/', '/8', '10.0.0.0/8/8'],
    ...['proxy.example.test', '10.0.0.1;10.0.0.2', '10.0.0.0/255.0.0.0', 'fe80::1%eth0', '10.0.0.1,x'],
  ])('are not read where one is none: %j', (text) => {
    expect(parseNetworks(text)).toBeUndefined()
  })
})
