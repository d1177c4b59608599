import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readInstances } from '../../lib/store/instances.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { readStats } from '../../lib/store/stats.ts'
import { type Program, withProgram } from '../support/program.ts'
import { until, useRedis } from '../support/redis.ts'
import { UdpClient } from '../support/udp-client.ts'

const CLIENTS = 40
/** A tracker that is there answers sooner, even on a busy machine. */
const ANSWERS_MS_MAX = 1000

type Line = { msg: string; role?: string; process?: number; pid: number; reason?: string }

const linesOf = ({ stdout }: Program, msg: string): Line[] =>
  stdout()
    .split('\n')
    .filter((line) => line.includes(`"msg":"${msg}"`))
    .map((line) => JSON.parse(line) as Line)

/** The processes that have served, in the order of their numbers: they are not told of in that order. */
const pidsOf = (program: Program): number[] =>
  linesOf(program, 'the process serves')
    .sort((a, b) => Number(a.process) - Number(b.process))
    .map(({ pid }) => pid)

/** A process that has ended, and that nobody has asked how, still has its number. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

/** How many of so many clients, each at a port of its own, are answered. */
async function answered(port: number): Promise<number> {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => UdpClient.open(port)))
  try {
    const request = Buffer.alloc(16)
    request.writeBigUInt64BE(0x417_2710_1980n)
    const replies = await Promise.all(clients.map((client) => client.exchange(request, ANSWERS_MS_MAX)))
    return replies.filter((reply) => reply !== undefined).length
  } finally {
    for (const client of clients) client.close()
  }
}

const onLinux = describe.runIf(process.platform === 'linux')

onLinux('several processes on one port', () => {
  const server = useRedis()
  const settings = () => ({ REDSWARM_REDIS_URL: server().url })
  const withThree = (test: (program: Program, port: number, pids: number[]) => Promise<void>) =>
    withProgram(['udp', '--processes', '3'], settings(), async (program) => {
      const { udp } = await program.serving()
      await test(program, udp[0]?.port ?? 0, pidsOf(program))
    })

  it('have metrics of their own, on the ports after the one that is set', () => {
    // At an address that nobody else listens at, whatever the port.
    const address = `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`
    const given = { ...settings(), REDSWARM_METRICS_LISTEN: `${address}:9464` }
    return withProgram(['udp', '--processes', '3'], given, async (program) => {
      await program.serving()
      const listens = async () =>
        (await readInstances(server().redis, makeKeys(''))).flatMap((instance) =>
          instance.listens.filter((listen) => listen.startsWith('metrics')),
        )
      await until('all to tell of themselves', async () => (await listens()).length === 3)
      expect((await listens()).toSorted()).toEqual([1, 2, 3].map((number) => `metrics ${address}:${9464 + number}`))
    })
  })

  it('serve its clients, each a part of them', () =>
    withThree(async (_, port, pids) => {
      expect(new Set(pids).size).toBe(3)
      expect(await answered(port)).toBe(CLIENTS)
      process.kill(pids[0] as number, 'SIGSTOP')
      try {
        const rest = await answered(port)
        expect(rest).toBeGreaterThan(0)
        expect(rest).toBeLessThan(CLIENTS)
      } finally {
        process.kill(pids[0] as number, 'SIGCONT')
      }
    }))

  it('count together what each has counted', () =>
    withThree(async (_, port) => {
      expect(await answered(port)).toBe(CLIENTS)
      const counted = async () => (await readStats(server().redis, makeKeys(''))).udp4_connections === CLIENTS
      await until('all connects to be counted', counted)
    }))

  it('are started again where one is killed, or stops', () =>
    withThree(async (program, port, pids) => {
      process.kill(pids[1] as number, 'SIGKILL')
      await until('another in its place', () => pidsOf(program).length === 4, 15_000)
      expect(linesOf(program, 'a process has ended; starting it again')).toMatchObject([
        { level: 50, role: 'udp', process: 2, reason: 'killed by SIGKILL' },
      ])
      process.kill(pids[2] as number, 'SIGTERM')
      await until('another in its place', () => pidsOf(program).length === 5, 15_000)
      expect(linesOf(program, 'a process has ended; starting it again')[1]).toMatchObject({ level: 30, process: 3 })
      expect(await answered(port)).toBe(CLIENTS)
      const served = linesOf(program, 'the process serves').map((line) => line.process)
      expect([served.slice(0, 3).sort(), served.slice(3)]).toEqual([
        [1, 2, 3],
        [2, 3],
      ])
    }))

  it.each(['SIGTERM', 'SIGINT'] as const)('all end by %s', (signal) =>
    withThree(async (program, _, pids) => {
      const startMs = performance.now()
      expect(await program.end(signal)).toBe(0)
      expect(performance.now() - startMs).toBeLessThan(10_000)
      expect(pids.filter(isRunning)).toEqual([])
      expect(linesOf(program, 'SIGTERM: stopping').filter((line) => line.process !== undefined)).toHaveLength(3)
    }),
  )

  it('all end where the process that started them is killed', () =>
    withThree(async (program, _, pids) => {
      program.process.kill('SIGKILL')
      await until('all to end', () => !pids.some(isRunning), 10_000)
    }))

  it('do not share the port with another tracker', () =>
    withThree(async (_, port) => {
      const env = { ...settings(), REDSWARM_UDP_LISTEN: `127.0.0.1:${port}` }
      await withProgram(['udp', '--processes', '2'], env, async (program) => {
        expect(await program.ended()).toBe(1)
        expect(program.stderr()).toContain(`port ${port} is in use by another program`)
      })
    }))

  it('do not start where the first cannot, which says why, once', () =>
    withProgram(['udp', '--processes', '3'], { REDSWARM_REDIS_URL: 'redis://127.0.0.1:1' }, async (program) => {
      expect(await program.ended()).toBe(1)
      expect(program.stderr().match(/cannot reach Redis/g)).toHaveLength(1)
      expect(program.stderr()).toContain('process 1 of redswarm udp did not start: exit code 1')
    }))

  it('are at least one', () =>
    withProgram(['http', '--processes', '0'], settings(), async (program) => {
      expect(await program.ended()).toBe(1)
      expect(program.stderr()).toContain('REDSWARM_HTTP_PROCESSES: must be >= 1')
    }))

  it('run beside the other roles of a whole tracker', () =>
    withProgram(['up'], { REDSWARM_UDP_PROCESSES: '2', REDSWARM_HTTP_PROCESSES: '2' }, async (program) => {
      const { udp, http } = await program.serving()
      const roles = linesOf(program, 'the process serves').map(({ role }) => role)
      expect(roles.sort()).toEqual(['http', 'http', 'udp', 'udp'])
      expect(await answered(udp[0]?.port ?? 0)).toBe(CLIENTS)
      const health = await fetch(`http://127.0.0.1:${http[0]?.port}/health_check`)
      expect(health.status).toBe(200)
      const pids = pidsOf(program)
      expect(await program.end()).toBe(0)
      expect(pids.filter(isRunning)).toEqual([])
    }))
})
