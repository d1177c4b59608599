import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket as TcpSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { LoadReport } from '../../services/load/report.ts'
import { freePort } from '../support/free-port.ts'
import { answering, connected, load, report, SMALL } from '../support/load.ts'
import { until, useRedis } from '../support/redis.ts'
import { TOKEN, withTracker } from '../support/tracker.ts'

/** A busy machine may lose a datagram, or answer late. */
const expectFewLost = ({ lost, responses }: LoadReport): void => {
  expect(responses).toBeGreaterThan(100)
  expect(lost).toBeLessThan(responses / 20)
}

describe('redswarm load', () => {
  const server = useRedis()

  it('fills a UDP tracker with each peer once, by two processes, and measures it', () =>
    withTracker(server().url, { roles: ['udp', 'api'] }, async ({ udpPort, apiUrl }) => {
      const pids = ['--pid', `tracker=${process.pid}`, '--pid', `Redis=${server().process.pid}`]
      const weights = ['--processes', '2', '--weights', '1:0:1']
      const run = await load(['udp', `udp://127.0.0.1:${udpPort}`, ...SMALL, ...pids, ...weights, '--json'])
      expect(run.stderr).toContain('loading\nloaded\n')
      expect(run.code).toBe(0)
      const seen = report(run)
      expect(seen).toMatchObject({
        errors: 0,
        wrong: 0,
        overlong: 0,
        uncounted: 0,
        emptyScrapes: 0,
        fellSilent: false,
        unsent: 0,
        announces: 0,
        errorTexts: {},
      })
      expectFewLost(seen)
      expect(seen.fill).toMatchObject({ announces: 1000, missing: 0, errors: 0 })
      expect(seen.responses).toBe(seen.connects + seen.scrapes)
      expect(seen.connects).toBeGreaterThan(100)
      expect(seen.scrapes).toBeGreaterThan(100)
      expect(seen.responsesPerS).toBeCloseTo(seen.responses / seen.seconds, 3)
      expect(Object.keys(seen.cpuUsPerResponse)).toEqual(['tracker', 'Redis'])
      for (const us of [...Object.values(seen.cpuUsPerResponse), seen.loadCpuUsPerResponse])
        expect(us).toBeGreaterThan(0)
      const { p50, p90, p99, p999, max } = seen.latencyMs
      expect([p50, p90, p99, p999, max]).toEqual([p50, p90, p99, p999, max].sort((a, b) => a - b))
      expect(p50).toBeGreaterThan(0)
      const answer = await fetch(`${apiUrl}/api/v1/stats?token=${TOKEN}`)
      const { seeders, leechers } = (await answer.json()) as { seeders: number; leechers: number }
      expect(seeders + leechers).toBe(1000)
    }))

  it('loads an HTTP tracker, by two processes, and adds no peer while it measures', () =>
    withTracker(server().url, { roles: ['http', 'api'] }, async ({ httpUrl, apiUrl }) => {
      const run = await load(['http', `${httpUrl}/announce`, ...SMALL, '--processes', '2', '--json'])
      expect(run.code).toBe(0)
      const seen = report(run)
      expect(seen).toMatchObject({ errors: 0, wrong: 0, connects: 0, fill: { announces: 1000, errors: 0 } })
      expectFewLost(seen)
      expect(seen.announces).toBeGreaterThan(100)
      expect(seen.scrapes).toBeGreaterThan(0)
      expect(seen.peersPerAnnounce).toBeGreaterThan(0.5)
      // Peers stop and come back while it runs; nobody else comes.
      const answer = await fetch(`${apiUrl}/api/v1/stats?token=${TOKEN}`)
      const { seeders, leechers } = (await answer.json()) as { seeders: number; leechers: number }
      expect(seeders + leechers).toBeLessThanOrEqual(1000)
      expect(seeders + leechers).toBeGreaterThan(700)
    }))

  it('asks at the rate of an open loop, over IPv6', () =>
    withTracker(server().url, { roles: ['udp'], settings: { REDSWARM_UDP_LISTEN: '[::1]:0' } }, async ({ udpPort }) => {
      const url = `udp://[::1]:${udpPort}`
      const json = await load(['udp', url, ...SMALL, '--rate', '500', '--no-fill', '--json'])
      const seen = report(json)
      expect(json.code).toBe(0)
      expect(seen).toMatchObject({ errors: 0, wrong: 0, fill: null })
      expect(seen.responses).toBeGreaterThan(100)
      expect(seen.peersPerAnnounce).toBeGreaterThan(0)
      const all = seen.responses + seen.lost + seen.unsent
      expect([500, 501]).toContain(all)
    }))

  it('ends early on a signal, and tells what it saw', () =>
    withTracker(server().url, { roles: ['udp'] }, async ({ udpPort }) => {
      const url = `udp://127.0.0.1:${udpPort}`
      const run = await load(['udp', url, ...SMALL, '--seconds', '600', '--json'], async (child, stderr) => {
        await until('the load to begin', () => stderr().includes('loading'), 15_000)
        await new Promise((resolve) => setTimeout(resolve, 500))
        child.kill('SIGINT')
      })
      expect(run.code).toBe(0)
      expect(report(run).responses).toBeGreaterThan(0)
      expect(report(run).seconds).toBeLessThan(60)
    }))

  it('shows people a table, with errors by their text, and fails where peers cannot be announced before', () =>
    withTracker(server().url, { roles: ['http'] }, async ({ httpUrl }) => {
      const args = ['http', `${httpUrl}/nowhere`, ...SMALL, '--weights', '0:1:0']
      const [table, filled] = await Promise.all([load([...args, '--no-fill']), load([...args, '--json'])])
      expect(table.code).toBe(1)
      expect(table.stdout).toMatch(/responses +[\d,]+ +[\d,]+\n/)
      expect(table.stdout).toMatch(/ {4}[\d,]+ × HTTP 404\n/)
      expect(table.stdout).toContain('the load itself')
      expect(table.stdout).not.toContain('\u001b')
      expect(filled).toMatchObject({ code: 1, stdout: '' })
      expect(filled.stderr).toContain(
        '1,000 of 1,000 peers could not be announced before the load: the answer was "HTTP 404"',
      )
    }))
})

describe.concurrent('redswarm load without a tracker that serves', () => {
  it('sees wrong answers, and ends with 1', async ({ expect }) => {
    // It connects well, and answers everything else with what no tracker may say.
    const socket = await answering((request) => (request.readUInt32BE(8) === 0 ? connected(request) : garbage(request)))
    try {
      const { port } = socket.address()
      const run = await load(['udp', `udp://127.0.0.1:${port}`, ...SMALL, '--weights', '0:1:1', '--no-fill', '--json'])
      expect(run.code).toBe(1)
      const { wrong, wrongAnswers, announces, scrapes } = report(run)
      expect(wrong).toBeGreaterThan(10)
      expect(wrongAnswers['interval 0']).toBeGreaterThan(0)
      expect(wrongAnswers['a transaction id that is not under way']).toBeGreaterThan(0)
      expect([announces, scrapes]).toEqual([0, 0])
    } finally {
      socket.close()
    }
  })

  it('warms up before it measures, and counts nothing of that', async ({ expect }) => {
    let asked = 0
    const socket = await answering((request) => {
      asked += 1
      return connected(request)
    })
    try {
      const paced = [...SMALL, '--no-fill', '--weights', '1:0:0', '--rate', '500', '--warm-up', '2', '--json']
      const run = await load(['udp', `udp://127.0.0.1:${socket.address().port}`, ...paced])
      expect(run.code).toBe(0)
      expect(report(run).responses).toBeGreaterThan(400)
      expect(report(run).responses).toBeLessThanOrEqual(501)
      expect(asked - report(run).responses).toBeGreaterThan(900)
    } finally {
      socket.close()
    }
  })

  it('ends early where a tracker dies, tells what it saw, and has what was under way at the end lost', async ({
    expect,
  }) => {
    let [udpAnswers, lateAnswers, httpAnswers] = [-8, 0, 0]
    // It loses the first connect of each address, which has no room for another then.
    const socket = await answering((request) =>
      udpAnswers++ >= 0 && udpAnswers < 500 ? connected(request) : undefined,
    )
    const lateSocket = await answering((request) => (lateAnswers++ < 500 ? connected(request) : undefined))
    const server = createServer((_, response) => {
      if (httpAnswers++ < 500) response.end('d8:intervali9e5:peers0:e')
      else server.close().closeAllConnections()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      const { port: httpPort } = server.address() as AddressInfo
      const more = [...SMALL, '--no-fill', '--json']
      const connects = (at: Socket) => ['udp', `udp://127.0.0.1:${at.address().port}`, ...more, '--weights', '1:0:0']
      const [udp, late, http] = await Promise.all([
        load([...connects(socket), '--seconds', '60', '--outstanding', '8']),
        load(connects(lateSocket)),
        load(['http', `http://127.0.0.1:${httpPort}/announce`, ...more, '--weights', '0:1:0', '--seconds', '60']),
      ])
      for (const run of [udp, http]) {
        expect(run.code).toBe(1)
        expect(run.stderr).toContain('stopped answering: nothing came for 4 s')
        expect(report(run)).toMatchObject({ fellSilent: true, wrong: 0 })
        expect(report(run).responses).toBeGreaterThan(100)
        expect(report(run).seconds).toBeLessThan(40)
      }
      // Each of 64 connections tries again four times a second at most.
      expect(report(http).lost).toBeLessThan(64 * 4 * (report(http).seconds + 1))
      // All that was under way when a second was over.
      expect(report(late)).toMatchObject({ lost: 64, fellSilent: false })
    } finally {
      socket.close()
      lateSocket.close()
      server.close()
    }
  })

  it('asks again where a server closes a connection without a word, as it may', async ({ expect }) => {
    const server = createServer((_, response) => {
      response.setHeader('connection', 'keep-alive')
      response.end('d8:completei1e10:incompletei1e8:intervali60e5:peers0:e', () => response.socket?.destroy())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`
    const seen = report(await load(['http', url, ...SMALL, '--weights', '0:1:0', '--no-fill', '--json']))
    server.close()
    expectFewLost(seen)
    expect(seen).toMatchObject({ errors: 0, wrong: 0 })
  })

  it('goes on where a server that is started anew resets what connects meanwhile', async ({ expect }) => {
    const sockets = new Set<TcpSocket>()
    let isAway = false
    const server = createServer((_, response) => response.end('d8:completei1e10:incompletei1e8:intervali60e5:peers0:e'))
    server.on('connection', (socket) => (isAway ? socket.resetAndDestroy() : sockets.add(socket)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`
    const running = load(['http', url, ...SMALL, '--weights', '0:1:0', '--no-fill', '--json'])
    await once(server, 'request')
    await sleep(1500)
    isAway = true
    for (const socket of sockets) socket.resetAndDestroy()
    await sleep(500)
    isAway = false
    const { code, stdout, stderr } = await running
    server.close()
    expect([code, stderr]).toEqual([expect.any(Number), expect.not.stringContaining('AssertionError')])
    expect(JSON.parse(stdout)).toMatchObject({ wrong: 0, lost: expect.any(Number) })
  })

  it('says within seconds that a tracker does not answer', async ({ expect }) => {
    const port = await freePort()
    const startMs = performance.now()
    const [udp, http] = await Promise.all([
      load(['udp', `udp://127.0.0.1:${port}`, ...SMALL]),
      load(['http', `http://127.0.0.1:${port}/announce`, ...SMALL]),
    ])
    // Four seconds, and what a busy machine takes to start two processes.
    expect(performance.now() - startMs).toBeLessThan(40_000)
    expect(udp).toMatchObject({ code: 1, stdout: '' })
    expect(udp.stderr).toContain(`udp://127.0.0.1:${port} does not answer a connect: nothing came in 4 s\n  check that`)
    expect(http).toMatchObject({ code: 1, stdout: '' })
    expect(http.stderr).toContain('ECONNREFUSED')
  })

  it('says that an HTTP server takes connections and does not answer', async ({ expect }) => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    try {
      const { port } = silent.address() as AddressInfo
      const run = await load(['http', `http://127.0.0.1:${port}/announce`, ...SMALL])
      expect(run.code).toBe(1)
      expect(run.stderr).toContain('does not answer: nothing came for 4 s')
    } finally {
      silent.close()
      silent.closeAllConnections()
    }
  })

  it('ends with 2 where it is used wrongly, and with 0 where it is asked for help', async ({ expect }) => {
    const usages = [
      ['udp', 'udp://127.0.0.1:1', '--nonsense'],
      ['udp', 'udp://127.0.0.1:1', '--pid', 'x=4194305'],
    ]
    const [help, ...runs] = await Promise.all(
      [['http', '--help'], ...usages].map((args) => load(args, undefined, 'services/main.ts')),
    )
    expect(runs.map(({ code }) => code)).toEqual([2, 2])
    expect(runs[0]?.stderr).toContain("unknown option '--nonsense'")
    expect(runs[1]?.stderr).toContain('redswarm load: --pid: "x=4194305" was given, and /proc has no process 4194305')
    expect(help?.code).toBe(0)
    expect(help?.stdout).toContain('Examples:')
  })
})

/** An announce reply with an interval of 0, every second one with a transaction id of nobody's. */
function garbage(request: Buffer): Buffer {
  const reply = Buffer.alloc(20)
  reply.writeUInt32BE(1, 0)
  const transactionId = request.readUInt32BE(12)
  reply.writeUInt32BE(request[96] === undefined || (request[97] as number) % 2 === 0 ? transactionId : 0xffff_fff0, 4)
  return reply
}
