import { describe, expect, it } from 'vitest'
import { loadSettings, type Settings } from '../../lib/config/settings.ts'
import { messageOf } from '../../lib/errors.ts'
import { networkText } from '../../lib/wire/network.ts'

type Environment = Record<string, string>
const load = (environment: Environment): Settings => loadSettings(environment, false)

/** The problems that are told of an environment, each a line. */
function problemsOf(environment: Environment): string[] {
  try {
    load(environment)
    return []
  } catch (error) {
    return messageOf(error).split('\n  ').slice(1)
  }
}

describe('the limits', () => {
  it('have defaults', () => {
    const { exempt, ...counts } = load({}).limits
    expect(exempt.map(networkText)).toEqual(['127.0.0.0/8', '::1'])
    expect(counts).toEqual({
      ...{ addressAnnouncesPerS: 500, addressConnectsPerS: 500, addressBurstS: 40, addressTorrentsMax: 50_000 },
      ...{ earlyAnnouncesMax: 3, announceIntervalMaxS: 3489, completedLifetimeS: 30 * 24 * 3600 },
      ...{ torrentsMax: 20_000_000, swarmPeersMax: 1_000_000 },
      ...{ httpConnectionsMax: 20_000, httpConnectionsPerAddress: 2000 },
      ...{ portMin: 1, clientIpFrom: [], keepsPrivatePeers: false },
    })
  })

  it('let the interval grow under load to twice as long, and no longer than the peer lifetime and they themselves allow', () => {
    const grown = (environment: Record<string, string>) => load(environment).limits.announceIntervalMaxS
    expect(grown({ REDSWARM_PEER_LIFETIME_S: '10000' })).toBe(3600)
    expect(grown({ REDSWARM_PEER_LIFETIME_S: '2041' })).toBe(1800)
    expect(grown({ REDSWARM_ANNOUNCE_INTERVAL_MAX_S: '2000' })).toBe(2000)
    expect(problemsOf({ REDSWARM_ANNOUNCE_INTERVAL_MAX_S: '1799' })).toEqual([
      'REDSWARM_ANNOUNCE_INTERVAL_MAX_S: must not be less than REDSWARM_ANNOUNCE_INTERVAL_S',
    ])
    expect(problemsOf({ REDSWARM_ANNOUNCE_INTERVAL_MAX_S: '3600' })).toEqual([
      expect.stringContaining('REDSWARM_PEER_LIFETIME_S: must be more than 4020 (3600 s of interval,'),
    ])
  })
})
