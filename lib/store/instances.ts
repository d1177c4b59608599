import type { RedisClient } from './client.ts'
import type { Keys } from './keys.ts'

/** What a process of the tracker says of itself, each second, for those who operate it. */
export type Instance = {
  /** Its own in every run. */
  id: string
  roles: string[]
  host: string
  pid: number
  version: string
  /** The version of Node. */
  node: string
  /** Seconds since the epoch, by Redis's clock: when it started, and when it said this. */
  startedAt: number
  at: number
  /** Where it listens: `udp 0.0.0.0:6969`. */
  listens: string[]
  rssBytes: number
  /** CPU of the last second, in cores. */
  cpuCores: number
  /** Connects, announces and scrapes that it took in the last second. */
  requestsPerS: number
}

/** One that has said nothing for so long is told as silent: it was killed, or cannot reach Redis. */
export const SILENT_AFTER_S = 5
/** So long after its last word it is forgotten. */
const FORGOTTEN_AFTER_S = 300
/** Those that are to be forgotten are looked for at every so many beats. */
const FORGET_EVERY_BEATS = 60

/** Tells of this process, and that it leaves. */
export type InstanceBeat = { beat: () => Promise<void>; leave: () => Promise<void> }

/** The beat of a process; `describe` says what is to be told now. */
export function makeInstanceBeat({
  redis,
  keys,
  describe,
}: {
  redis: RedisClient
  keys: Keys
  describe: () => Instance
}): InstanceBeat {
  let beats = 0
  return {
    async beat() {
      const instance = describe()
      await redis.hset(keys.instances, instance.id, JSON.stringify(instance))
      if (beats++ % FORGET_EVERY_BEATS === 0) await forget(redis, keys, instance.at)
    },
    leave: async () => void (await redis.hdel(keys.instances, describe().id)),
  }
}

async function forget(redis: RedisClient, keys: Keys, nowS: number): Promise<void> {
  const told = await redis.hgetall(keys.instances)
  const gone = Object.keys(told).filter((id) => {
    const instance = readInstance(told[id] as string)
    return !instance || nowS - instance.at > FORGOTTEN_AFTER_S
  })
  // One that comes back meanwhile tells of itself again a second later.
  if (gone.length > 0) await redis.hdel(keys.instances, ...gone)
}

/** The processes of the tracker, by host, roles and process id; silent ones among them for a while. */
export async function readInstances(redis: RedisClient, keys: Keys): Promise<Instance[]> {
  const instances = Object.values(await redis.hgetall(keys.instances)).flatMap((text) => readInstance(text) ?? [])
  const order = ({ host, roles, pid, id }: Instance) => `${host} ${roles.join()} ${String(pid).padStart(10, '0')} ${id}`
  return instances.sort((a, b) => (order(a) < order(b) ? -1 : 1))
}

/** Whether a process has said nothing for long. */
export const isSilent = ({ at }: Instance, nowS: number): boolean => nowS - at > SILENT_AFTER_S

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')

/** What a process said; nothing where somebody else wrote it. */
function readInstance(text: string): Instance | undefined {
  try {
    const { id, roles, host, pid, version, node, startedAt, at, listens, rssBytes, cpuCores, requestsPerS } =
      JSON.parse(text) as Instance
    const isOurs =
      [id, host, version, node].every((value) => typeof value === 'string') &&
      [pid, startedAt, at, rssBytes, cpuCores, requestsPerS].every(Number.isFinite) &&
      isTexts(roles) &&
      isTexts(listens)
    if (!isOurs) return undefined
    return { id, roles, host, pid, version, node, startedAt, at, listens, rssBytes, cpuCores, requestsPerS }
  } catch {
    return undefined
  }
}
