import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { endConnection, type RedisClient } from '../../lib/store/client.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { askForAnnounces, makePulse } from '../../lib/store/pulse.ts'
import { startRedis, type TestRedis, until } from '../support/redis.ts'
import { silentLog } from '../support/store.ts'

/** A Redis, and a connection to it, that end with the test. */
async function redisOf(): Promise<{ server: TestRedis; redis: RedisClient }> {
  const server = await startRedis()
  onTestFinished(server.stop)
  const redis = await connectRedis(server.url)
  onTestFinished(() => endConnection(redis))
  return { server, redis }
}

it('asks a Redis that is away as often after many beats as after one', async () => {
  const { server, redis } = await redisOf()
  let asked = 0
  const pulse = makePulse(redis, silentLog, (node) => {
    asked += 1
    return askForAnnounces(node)
  })
  server.process.kill('SIGKILL')
  await until('it to be away', async () => {
    await pulse.beat()
    return pulse.problem() === 'away'
  })
  for (let i = 0; i < 20; i++) await pulse.beat()
  asked = 0
  await sleep(500)
  expect(asked).toBeGreaterThan(1)
  expect(asked).toBeLessThan(10)
})

it('tells of a Redis that hangs that it is slow, also when its connection is given up', async () => {
  const { server, redis } = await redisOf()
  const pulse = makePulse(redis, silentLog)
  server.process.kill('SIGSTOP')
  onTestFinished(() => void server.process.kill('SIGCONT'))
  const told = new Set<string | undefined>()
  let isLost = false
  redis.once('reconnecting', () => {
    isLost = true
  })
  while (!isLost) {
    await pulse.beat()
    told.add(pulse.problem())
    await sleep(50)
  }
  expect([...told]).toEqual(['slow'])
})
