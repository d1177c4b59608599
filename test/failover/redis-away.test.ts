import { spawn } from 'node:child_process'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { killAtExit } from '../support/at-exit.ts'
import { announce, get } from '../support/http-client.ts'
import { scrapeMetrics } from '../support/prometheus.ts'
import { startRedis, type TestRedis, until } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { type TestTracker, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const SERVES_AGAIN_MS_MAX = 1000
/** Of a test's Redis: it loads each key in a millisecond, and looks at its clients between. */
const LOADS_SLOWLY = ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024']

type Case = {
  cause: string
  /** What clients are told that the store is. */
  text: string
  args?: string[]
  /** Makes Redis so. */
  begin: (server: TestRedis) => unknown
  /** Makes it serve again; ends when it could. */
  end: (server: TestRedis) => unknown
  /** How long it may take until an announce is refused so. */
  seenMsMax: number
}

/** Starts a killed Redis again; answers once it answers commands. */
async function startAgain({ process, redis }: TestRedis): Promise<void> {
  const again = spawn(process.spawnfile, process.spawnargs.slice(1), { stdio: 'ignore' })
  killAtExit(again)
  await redis.ping()
}

const CASES: Case[] = [
  {
    ...{ cause: 'away', text: 'away', seenMsMax: 500 },
    begin: ({ process }) => process.kill('SIGKILL'),
    end: startAgain,
  },
  {
    ...{ cause: 'slow', text: 'slow', seenMsMax: 2500 },
    begin: ({ process }) => process.kill('SIGSTOP'),
    end: ({ process }) => process.kill('SIGCONT'),
  },
  {
    // Once it has run for longer than `busy-reply-threshold`, others are told of a script.
    ...{ cause: 'slow', text: 'slow', args: ['--busy-reply-threshold', '100'], seenMsMax: 2500 },
    async begin({ redis }) {
      const other = redis.duplicate()
      other.eval('while true do end', 0).catch(() => other.disconnect())
      await until('the script to run', () =>
        redis.get('a').then(
          () => false,
          () => true,
        ),
      )
    },
    end: ({ redis }) => redis.script('KILL'),
  },
  {
    ...{ cause: 'loading', text: 'loading', args: ['--appendonly', 'yes', ...LOADS_SLOWLY], seenMsMax: 2500 },
    async begin({ redis, process: { spawnfile, spawnargs }, process }) {
      await redis.eval("for i = 1, 3000 do redis.call('SET', 'filling:' .. i, i) end", 0)
      await redis.bgrewriteaof()
      await until('the file to be written', async () => (await redis.info('persistence')).includes('aof_rewrites:1'))
      process.kill('SIGKILL')
      killAtExit(spawn(spawnfile, spawnargs.slice(1), { stdio: 'ignore' }))
    },
    end: ({ redis }) => until('it to have loaded', () => redis.status === 'ready', 10_000),
  },
  {
    ...{ cause: 'read_only', text: 'read-only', seenMsMax: 500 },
    begin: ({ redis }) => redis.call('REPLICAOF', '127.0.0.1', '1'),
    end: ({ redis }) => redis.call('REPLICAOF', 'NO', 'ONE'),
  },
  {
    ...{ cause: 'out_of_memory', text: 'out of memory', seenMsMax: 500 },
    begin: ({ redis }) => redis.config('SET', 'maxmemory', '1'),
    end: ({ redis }) => redis.config('SET', 'maxmemory', '0'),
  },
]

type Line = { msg: string; cause?: string; level: number }

async function withOwn(
  args: string[],
  test: (server: TestRedis, tracker: TestTracker, lines: () => Line[]) => Promise<void>,
) {
  const server = await startRedis(...args)
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line) => lines.push(line) })
  try {
    await withTracker(server.url, { roles: ['udp', 'http'], log }, (tracker) =>
      test(server, tracker, () => lines.map((line) => JSON.parse(line) as Line)),
    )
  } finally {
    server.process.kill('SIGCONT')
    await server.stop()
  }
}

describe.each(CASES)('while Redis is $text', ({ cause, text, args = [], begin, end, seenMsMax }) => {
  const reason = `tracker is temporarily unavailable (its store is ${text}), try again later`

  it('clients, metrics, readiness and log say so, and all is served within a second of its end', () =>
    withOwn(args, async (server, { udpPort, httpUrl, metricsUrl }, lines) => {
      const client = await UdpClient.open(udpPort)
      await client.connect()
      await client.announce()
      const ready = async () => {
        const { status, body } = await get(`${metricsUrl}/health/ready`)
        return { ...(JSON.parse(body.toString()) as { cause?: string }), status }
      }
      expect(await ready()).toMatchObject({ status: 200 })
      await begin(server)
      const told = () =>
        client.announce().then(
          () => '',
          ({ message }: Error) => message,
        )
      await until(`a refusal for being ${cause}`, async () => (await told()) === reason, seenMsMax)
      expect(await announce(httpUrl)).toEqual({ 'failure reason': reason, 'retry in': expect.any(Number) })
      const { 'retry in': minutes = 0 } = await announce(httpUrl)
      expect([1, 2, 3, 4, 5]).toContain(minutes)
      await until('readiness to say so', async () => (await ready()).cause === cause, 4000)
      expect(await ready()).toMatchObject({ status: 503, message: 'Redis does not serve' })
      const samples = await scrapeMetrics(metricsUrl)
      expect(samples.get(`redswarm_refusals_total{cause="${cause}"}`)).toBeGreaterThan(2)
      expect(samples.get('redswarm_redis_up')).toBe(0)
      const startMs = performance.now()
      expect(await told()).toBe(reason)
      expect(performance.now() - startMs).toBeLessThan(500)
      // To read, and to make room, is allowed still.
      const isRead = cause === 'read_only' || cause === 'out_of_memory'
      expect(await client.scrape([hashOf('a')]).catch(({ message }: Error) => message)).toEqual(
        isRead ? [{ seeders: 0, leechers: 1, completed: 0 }] : reason,
      )
      await end(server)
      const endMs = performance.now()
      await until('service', async () => (await told()) === '')
      expect(performance.now() - endMs).toBeLessThan(SERVES_AGAIN_MS_MAX)
      await until('readiness', async () => (await ready()).status === 200)
      const about = lines().filter(({ level, msg }) => level > 30 || msg.startsWith('Redis serves'))
      expect(about.filter((line) => line.cause === cause)).toHaveLength(1)
      expect(about.at(-1)?.msg).toBe('Redis serves again')
      client.close()
    }))
})
