import { mkdir, writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { fieldsOf } from '../../../lib/store/check-server.ts'
import { startRedis } from '../../support/redis.ts'
import { figure, markdownTable } from '../table.ts'
import { makeGroups, type Sizes } from './operations.ts'
import { ownRepository } from './own.ts'
import type { Repository } from './repository.ts'

/** What Redis counted of each command since the last reset, those of scripts too. */
async function commandsOf(redis: Redis, announces: number): Promise<string> {
  const stats = [...fieldsOf(await redis.info('commandstats'))].map(([name, text]) => {
    const numbers = Object.fromEntries(text.split(',').map((pair) => pair.split('=') as [string, string]))
    return { name: name.replace('cmdstat_', ''), calls: Number(numbers.calls), us: Number(numbers.usec) }
  })
  const rows = stats
    .sort((a, b) => b.us - a.us)
    .map(({ name, calls, us }) => [name, figure(calls / announces), figure(us / announces), figure(us / calls)])
  return markdownTable(['command', 'calls per announce', 'µs per announce', 'µs per call'], rows)
}

/** Profiles the store under mixed load: writes a .cpuprofile of Node and a table of Redis's commands; answers the table. */
export async function profileRepository(out: string, sizes: Sizes): Promise<string> {
  await mkdir(out, { recursive: true })
  const server = await startRedis()
  const session = new Session()
  session.connect()
  try {
    const { redis } = server
    const clock = { nowS: 1_800_000_000 }
    const filler = ownRepository(redis, clock)
    let announces = 0
    let isStarted = false
    const own = ownRepository(redis, clock)
    // The fill is over when the first announce of the load comes.
    const announce: Repository['announce'] = async (some) => {
      announces += some.length
      if (!isStarted) {
        isStarted = true
        await redis.config('RESETSTAT')
        await session.post('Profiler.start')
      }
      return own.announce(some)
    }
    const mixed = makeGroups(sizes).find(({ operations }) => operations.includes('mixed load'))
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: 200 })
    await mixed?.run({ redis, clock, repository: { announce }, filler })
    const { profile } = await session.post('Profiler.stop')
    const commands = await commandsOf(redis, announces)
    await writeFile(join(out, 'repository.cpuprofile'), JSON.stringify(profile))
    await writeFile(join(out, 'redis-commands.md'), `${commands}\n`)
    return `${commands}\n\n${announces} announces. In ${out}: repository.cpuprofile (Chrome, VS Code), redis-commands.md`
  } finally {
    session.disconnect()
    await server.stop()
  }
}
