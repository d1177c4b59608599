import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FIGURES, PEERS_OF_REDIS_MEASURED } from '../../services/cli/plan/figures.ts'
import { makePlan, type PlanInput } from '../../services/cli/plan/plan.ts'

const doc = (name: string) => readFileSync(join(import.meta.dirname, `../../docs/${name}.md`), 'utf8')

const input = (changes: Partial<PlanInput> = {}): PlanInput => ({
  ...{ peers: 1e6, torrents: 250_000, intervalS: 1800, shareHttp: 0, ipv6: 0, details: true },
  ...changes,
})

describe('the figures of a plan', () => {
  const benchmarks = doc('benchmarks')

  it.each([
    ['udp', FIGURES.udpFrontendUs, FIGURES.udpRedisUs],
    ['http', FIGURES.httpFrontendUs, FIGURES.httpRedisUs],
  ] as const)('of CPU are those of the table of %s trackers', (name, frontend, redis) => {
    const [, table = ''] = benchmarks.split(`<!-- ${name}:begin -->`)
    const [, frontendUs, redisUs] = /^\| Redswarm +\| +[\d.]+ \(frontend ([\d.]+), Redis ([\d.]+)\)/m.exec(table) ?? []
    expect([Number(frontendUs), Number(redisUs)]).toEqual([frontend.value, redis.value])
  })

  it('of sweeps are what a lifetime of them took', () => {
    const [, share] = /a lifetime's sweeps of 2 million peers, of Redis \| 2 % \| ([\d.]+) % \|/.exec(benchmarks) ?? []
    expect((Number(share) / 100) * 3900).toBeCloseTo((2e6 * FIGURES.sweepUs.value) / 1e6, 0)
  })

  it('of bytes are those of the table of npm run bench:sizes', () => {
    const rows = [...doc('scaling').matchAll(/^\| ([^|]+) \| ([\d.]+) \| ([\d.]+) \|$/gm)]
    const table = Object.fromEntries(
      rows.map(([, what, details, without]) => [what, [Number(details), Number(without)]]),
    )
    expect(table).toMatchObject({
      'a torrent with one peer, bytes': [FIGURES.torrentBytes.value, FIGURES.torrentBytesBare.value],
      'a peer of a large swarm, IPv4, bytes': [FIGURES.peerBytes.value, FIGURES.peerBytesBare.value],
      'a peer of a large swarm, IPv6, bytes': [FIGURES.peer6Bytes.value, FIGURES.peer6BytesBare.value],
      'append-only file per announce, bytes': [FIGURES.fileBytes.value, FIGURES.fileBytesBare.value],
      'network into Redis per announce, bytes': [FIGURES.redisInBytes.value, FIGURES.redisInBytesBare.value],
      'network out of Redis per announce, but for the peers, bytes': [FIGURES.redisOutBytes.value, expect.any(Number)],
    })
  })

  it('make as many bytes as the load of the benchmarks took, by another measurement', () => {
    const [, bytes] = /an announce and (\d+) bytes a peer for the load's/.exec(benchmarks) ?? []
    // Of the load's 100,000 torrents 43 % have a peer.
    const { redis } = makePlan(input({ peers: 200_000, torrents: 43_000 }))
    expect(redis.dataBytes / FIGURES.fragmentation.value / 200_000 / Number(bytes)).toBeCloseTo(1, 0.8)
  })
})

describe('a plan', () => {
  it('is one Redis for as much as one can, and else a Cluster of three masters and more', () => {
    expect(makePlan(input()).redis).toMatchObject({ masters: 1, replicas: 1 })
    const many = makePlan(input({ peers: 100e6, torrents: 25e6 })).redis
    expect(many.masters).toBeGreaterThanOrEqual(3)
    const huge = makePlan(input({ peers: 1e9, torrents: 250e6 })).redis
    expect(huge.masters).toBeGreaterThan(3)
    for (const { coreShare, dataBytes } of [many, huge]) {
      expect(coreShare).toBeLessThanOrEqual(FIGURES.coreShare.value)
      expect(dataBytes).toBeLessThanOrEqual(FIGURES.masterBytesMax.value)
    }
  })

  it('follows from peers and interval: twice as often is twice as many announces, cores, bytes a second', () => {
    const [slow, fast] = [makePlan(input()), makePlan(input({ intervalS: 900 }))]
    expect(slow.announcesPerS).toBeCloseTo(611.1, 0)
    expect(fast.announcesPerS / slow.announcesPerS).toBeCloseTo(2)
    expect(fast.udp.cores / slow.udp.cores).toBeCloseTo(2)
    expect(fast.redis.fileBytesPerS / slow.redis.fileBytesPerS).toBeCloseTo(2)
    expect(fast.redis.dataBytes).toBe(slow.redis.dataBytes)
  })

  it('takes less without details, more with IPv6, and other frontends for HTTP', () => {
    const plain = makePlan(input())
    expect(makePlan(input({ details: false })).redis.dataBytes).toBeLessThan(plain.redis.dataBytes)
    expect(makePlan(input({ ipv6: 0.5 })).redis.dataBytes).toBeGreaterThan(plain.redis.dataBytes)
    expect(plain.http).toMatchObject({ processes: 0, cores: 0, memoryBytes: 0 })
    const mixed = makePlan(input({ shareHttp: 0.2 }))
    expect(mixed.http.announcesPerS / mixed.announcesPerS).toBeCloseTo(0.2)
    expect(mixed.udp.announcesPerS + mixed.http.announcesPerS).toBeCloseTo(mixed.announcesPerS)
    expect(mixed.udp.processes).toBe(2)
  })

  it('has Redis send the peers that frontends tell', () => {
    for (const ipv6 of [0, 0.5, 1]) {
      const { announcesPerS, redis } = makePlan(input({ ipv6 }))
      const told = announcesPerS * FIGURES.repliedPeers.value * (6 + 12 * ipv6)
      const replies = redis.networkOutBytesPerS - redis.fileBytesPerS * redis.replicas
      expect(replies - told).toBeCloseTo(announcesPerS * FIGURES.redisOutBytes.value, 3)
    }
  })

  it('warns of what nobody has measured', () => {
    expect(makePlan(input()).warnings).toEqual([])
    const beyond = makePlan(input({ peers: PEERS_OF_REDIS_MEASURED + 1e6 }))
    expect(beyond.warnings).toEqual([expect.stringMatching(/^3,000,000 peers on a Redis: 2,000,000 were measured/)])
    expect(makePlan(input({ shareHttp: 0.1, torrents: 2e6 })).warnings).toHaveLength(2)
  })
})
