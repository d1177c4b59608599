import { spawnSync } from 'node:child_process'
import { globSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeRandom } from '../../../lib/random.ts'
import type { RedisClient } from '../../../lib/store/client.ts'
import { readInstances } from '../../../lib/store/instances.ts'
import { makeKeys } from '../../../lib/store/keys.ts'
import { makeSwarmReader } from '../../../lib/store/reader.ts'
import type { Fault, Moments, Stage, Staged } from '../fault.ts'
import { type OneRedisScene, openOneRedis } from '../one-redis.ts'
import type { Part } from '../part.ts'
import { type Relay, startRelay } from '../relay.ts'

/** More than the lifetime of a peer: one that is stored with such a time is gone, or never goes. */
const AWAY_S = 3 * 3600
const EACH_MS = 2000
/** Clocks are told in whole seconds, and looked at by a program that may be slow. */
const OFF_S_MAX = 3
const PEERS_MAX = 10_000
const LIBRARY = '/usr/lib/*/faketime/libfaketime.so.1'

/** Settings by which a program has a clock that is not this machine's; what timers go by is left alone. */
const fakeClock = (): Record<string, string> => ({
  ...{ LD_PRELOAD: globSync(LIBRARY)[0] ?? '', DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' },
})

/** Why no program can be given another clock here, or undefined. */
function missingFakeClock(): string | undefined {
  if (globSync(LIBRARY).length === 0) return 'libfaketime is not installed (Debian: libfaketime)'
  const env = { ...fakeClock(), FAKETIME: `+${AWAY_S}` }
  const { stdout } = spawnSync(process.execPath, ['-p', 'Date.now()'], { env, encoding: 'utf8' })
  const aheadMs = Number(stdout) - Date.now()
  return aheadMs > (AWAY_S * 1000) / 2 ? undefined : 'libfaketime does not move the clock of Node here'
}

const redisTimeS = async (redis: RedisClient): Promise<number> => Number(((await redis.call('TIME')) as string[])[0])

/** What the second frontend's processes take the time for, where that is not what it should: each response of theirs tells it. */
async function problemsOfClocks({ tracker, redis }: OneRedisScene, offsetS: number): Promise<string[]> {
  const instances = await readInstances(redis, makeKeys(''))
  const second = (['udp', 'http'] as const).map((role) => tracker.of(role)[1] as Part)
  const problems = second.map(async ({ role, pid }) => {
    const listens = instances.find((instance) => instance.pid === pid())?.listens ?? []
    const [address] = listens.flatMap((listen) => /^metrics (\S+)$/.exec(listen)?.[1] ?? [])
    if (!address) return [`the ${role} frontend does not say where its metrics are`]
    const { headers } = await fetch(`http://${address}/`)
    const offS = (Date.parse(headers.get('date') ?? '') - Date.now()) / 1000
    // Not a number where there is no date.
    return Math.abs(offS - offsetS) <= OFF_S_MAX
      ? []
      : [`the clock of the ${role} frontend is ${offS} s off, not ${offsetS} s`]
  })
  return (await Promise.all(problems)).flat()
}

/** Peers whose times in Redis are not of its own clock: all came since the scene opened, and some a moment ago. */
async function problemsOfTimes({ redis, load }: OneRedisScene, openedS: number, sinceS: number): Promise<string[]> {
  const reader = makeSwarmReader({ redis, keys: makeKeys('') })
  const swarms = await Promise.all(load.actors.map(({ infoHash }) => reader.swarm(infoHash, PEERS_MAX)))
  const nowS = await redisTimeS(redis)
  const times = swarms.flatMap((swarm) => swarm?.peers.map(({ announcedS }) => announcedS) ?? [])
  const wrong = times.filter((timeS) => timeS < openedS - OFF_S_MAX || timeS > nowS + OFF_S_MAX)
  return [
    ...(wrong.length === 0
      ? []
      : [`${wrong.length} peers are stored with times like ${(wrong[0] ?? 0) - nowS} s from now`]),
    ...(times.some((timeS) => timeS >= sinceS) ? [] : ['no peer is stored with a time of these seconds']),
  ]
}

/** Two frontends behind a balancer that sends each datagram to any of them; the clock of the second jumps by these seconds in turn. */
async function stage({ folder, seed }: Stage, offsetsS: readonly number[]): Promise<Staged> {
  const file = join(folder, 'clock')
  const setClock = (offsetS: number) => {
    // Whoever reads it meanwhile must not find half of it.
    writeFileSync(`${file}.new`, `${offsetS < 0 ? '' : '+'}${offsetS}\n`)
    renameSync(`${file}.new`, file)
  }
  setClock(0)
  // It looks at the file each time that it is asked.
  const env = { ...fakeClock(), FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1' }
  const scene = await openOneRedis({ folder, seed }, { tracker: { apart: [{}, env] } })
  const { tracker, load } = scene
  const openedS = await redisTimeS(scene.redis)
  const udpPorts = tracker.places.map(({ udpPort }) => udpPort)
  const relays = await Promise.all(tracker.places.map(() => startRelay(udpPorts, {}, makeRandom(seed))))
  load.ask(
    tracker.places.map((place, i) => ({ ...place, udpPort: (relays[i] as Relay).udpPort, name: `balancer ${i + 1}` })),
  )
  const strike = async (): Promise<Moments> => {
    const fromMs = performance.now()
    for (const offsetS of offsetsS) {
      const sinceS = await redisTimeS(scene.redis)
      setClock(offsetS)
      await sleep(EACH_MS)
      scene.problems.push(
        ...(await problemsOfClocks(scene, offsetS)),
        ...(await problemsOfTimes(scene, openedS, sinceS)),
      )
    }
    setClock(0)
    scene.problems.push(...relays.flatMap((relay) => relay.problems()))
    return { fromMs, healedMs: performance.now() }
  }
  const stop = async () => {
    await scene.stop()
    for (const relay of relays) relay.close()
  }
  return { scene: { ...scene, stop }, strike }
}

const wrongClock = (name: string, offsetsS: readonly number[]): Fault => ({
  name,
  missing: missingFakeClock,
  stage: (at) => stage(at, offsetsS),
})

export const clockFaults: readonly Fault[] = [
  wrongClock("a frontend's clock goes three hours ahead for 4 s", [AWAY_S, AWAY_S]),
  wrongClock("a frontend's clock goes back three hours for 4 s", [-AWAY_S, -AWAY_S]),
  wrongClock("a frontend's clock jumps three hours to and fro, every 2 s", [AWAY_S, 0, -AWAY_S, AWAY_S, -AWAY_S]),
]
