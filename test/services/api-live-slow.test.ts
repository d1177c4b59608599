import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { followLive, openLive } from '../support/live.ts'
import { startRedis, type TestRedis, until, useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'

const server = useRedis()

/** Makes snapshots of 5 MB, so that a socket is full with one or two. */
async function tellOfManyProcesses({ redis }: TestRedis): Promise<void> {
  const [at = 0] = (await redis.time()).map(Number)
  const names = { roles: ['udp'], host: 'h'.repeat(20_000), version: '1', node: 'v24', listens: [] }
  const numbers = { pid: 1, startedAt: at, at, rssBytes: 1, cpuCores: 0, requestsPerS: 0 }
  for (let i = 0; i < 256; i++) {
    await redis.hset(makeKeys('').instances, `i${i}`, JSON.stringify({ id: `i${i}`, ...names, ...numbers }))
  }
}

/** Counts the snapshots that begin in what a socket reads. */
function countSnapshots(socket: Socket): () => number {
  let count = 0
  socket.setEncoding('latin1').on('data', (text) => {
    count += String(text).split('event: snapshot').length - 1
  })
  return () => count
}

it('a reader of live figures that does not read misses snapshots, and holds up nobody', () =>
  withTracker(server().url, { roles: ['api'] }, async ({ apiUrl }) => {
    await tellOfManyProcesses(server())
    const [slow, quick] = [openLive(apiUrl), openLive(apiUrl)]
    const [slowCount, quickCount] = [slow, quick].map(countSnapshots) as [() => number, () => number]
    await until('the slow reader to have begun', () => slow.bytesRead > 0)
    slow.pause()
    await until('the quick reader to have some', () => quickCount() >= 5, 15_000)
    const missed = quickCount()
    slow.resume()
    await until('the slow reader to go on', () => slowCount() > 0)
    await until('it to have what waited for it, and one that came after', () => quickCount() > missed)
    expect(slowCount()).toBeLessThan(quickCount() - 1)
    slow.destroy()
    quick.destroy()
  }))

it('live figures tell that Redis is away, also to who comes then, and go on when it is back', async () => {
  const server = await startRedis()
  try {
    await withTracker(server.url, { roles: ['api'] }, async ({ apiUrl }) => {
      const reader = await followLive(apiUrl)
      await until('a snapshot', () => reader.last()?.redis?.kind === 'redis')
      server.process.kill('SIGSTOP')
      await until('it to be told', () => reader.last()?.problem?.includes('cannot reach its Redis') === true, 10_000)
      expect(reader.last()).toMatchObject({ redis: null, rates: null, instances: null, events: null })
      const late = await followLive(apiUrl)
      await until(
        'the late one to be told',
        () => late.last()?.problem?.includes('cannot reach its Redis') === true,
        10_000,
      )
      server.process.kill('SIGCONT')
      await until('it to be told that all is well', () => late.last()?.redis?.kind === 'redis', 10_000)
      expect(late.last()?.problem).toBeNull()
      await Promise.all([reader.close(), late.close()])
    })
  } finally {
    await server.stop()
  }
})
