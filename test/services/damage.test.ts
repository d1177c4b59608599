import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { announce, get } from '../support/http-client.ts'
import { withProgram } from '../support/program.ts'
import { until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { TOKEN, withTracker } from '../support/tracker.ts'
import { UdpClient } from '../support/udp-client.ts'

const SWARM = `swarm:{a00}:${hashOf('a').toString('hex')}`

describe('a tracker whose Redis somebody damages', () => {
  const server = useRedis()

  it('refuses what the damage concerns, serves the rest, and tells which keys are damaged', async () => {
    const lines: string[] = []
    const log = pino({ level: 'error' }, { write: (line) => lines.push(line) })
    await withTracker(server().url, { log }, async ({ udpPort, httpUrl, apiUrl }) => {
      const client = await UdpClient.open(udpPort)
      await client.connect()
      await client.announce()
      const damaged = [SWARM, 'stats', 'sweeper', 'secret', 'schema', 'ranks:{seeders}', 'whitelist:{a00}']
      for (const key of damaged) await server().redis.del(key)
      for (const key of damaged) await server().redis.set(key, 'damaged')
      expect(await announce(httpUrl)).toEqual({
        'failure reason': 'tracker cannot serve this torrent',
        'retry in': expect.any(Number),
      })
      await expect(client.announce()).rejects.toThrow('tracker cannot serve this torrent')
      await expect(client.scrape([hashOf('a')])).rejects.toThrow('tracker cannot serve this torrent')
      expect(await announce(httpUrl, { info_hash: 'b'.repeat(20) })).toMatchObject({ incomplete: 1 })
      expect(await client.announce({ infoHash: hashOf('b') })).toMatchObject({ leechers: 1 })
      const stats = await get(`${apiUrl}/api/v1/stats?token=${TOKEN}`)
      expect([stats.status, stats.body.toString()]).toEqual([500, expect.stringContaining('(HGETALL stats)')])
      for (const key of [SWARM, 'FCALL stats ', 'FCALL sweeper']) {
        await until(`the log to name ${key}`, () => lines.join().includes(key))
      }
      const told = lines.length
      await announce(httpUrl, { info_hash: 'b'.repeat(20), port: 2 })
      // Two more flushes and marks fail, and are not told again.
      await sleep(2100)
      expect(lines.length).toBe(told)
      client.close()
    })
  })

  it('starts without a list that is damaged, tells which, and has it once it is mended', async () => {
    const { redis } = server()
    await redis.set('bans', 'damaged')
    await redis.hset('{denied}:version', 'some', 'thing')
    const lines: string[] = []
    const log = pino({ level: 'error' }, { write: (line) => lines.push(line) })
    await withTracker(server().url, { log }, async ({ httpUrl }) => {
      expect(await announce(httpUrl)).toMatchObject({ incomplete: 1 })
      for (const key of ['HSCAN bans', 'GET {denied}:version'])
        expect(lines.filter((line) => line.includes(key) && line.includes('a list is damaged'))).toHaveLength(1)
      // At once: a list that is read empty in between is whole, and nothing says then that it has changed.
      await redis.multi().del('bans').hset('bans', '127.0.0.1', '0').exec()
      const reason = async () => ((await announce(httpUrl)) as Record<string, unknown>)['failure reason']
      await until('the ban to count', async () => (await reason()) === 'your address is banned from this tracker')
    })
  })

  it.each(['schema', 'secret'])('does not start where %s is of another type, and names it', async (key) => {
    await server().redis.hset(key, 'some', 'thing')
    await withProgram(['udp'], { REDSWARM_REDIS_URL: server().url }, async (program) => {
      expect(await program.ended()).toBe(1)
      expect(program.stderr()).toContain(key)
      expect(program.stderr()).not.toContain('    at ')
    })
  })
})
