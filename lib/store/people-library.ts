import type { Redis } from 'ioredis'
import { isRedisReply, messageOf } from '../errors.ts'
import type { Logger } from '../observe/log.ts'
import type { RedisClient } from './client.ts'
import { nodesOf } from './nodes.ts'
import { readLua } from './scripts.ts'

const LIBRARY = 'redswarm'
const FUNCTIONS = ['redswarm_swarm', 'redswarm_peers', 'redswarm_torrents', 'redswarm_stats']

/** The library of functions that show people what is in Redis, `FCALL_RO redswarm_swarm …`, as FUNCTION LOAD takes it. */
export const peopleLibrary = (): string => `#!lua name=${LIBRARY}
local functions
local function make()
${readLua(LIBRARY).replace(/^#!.*\n/, '')}
end
${FUNCTIONS.map(registration).join('')}`

// What a library may do while it is loaded is next to nothing: so the functions are made when one is first called.
const registration = (name: string): string => `redis.register_function{
  function_name = '${name}',
  flags = { 'no-writes' },
  callback = function(keys, args)
    functions = functions or make()
    return functions.${name}(keys, args)
  end,
}
`

/** Loads the library where it is not there as it is: an update would be written to the log and sent to replicas each time. */
export async function loadPeopleLibrary(redis: Redis): Promise<void> {
  const text = peopleLibrary()
  if ((await loadedText(redis)) !== text) await redis.call('FUNCTION', 'LOAD', 'REPLACE', text)
}

/** The text of the library that is there; nothing where there is none, or who asks may not know. */
async function loadedText(redis: Redis): Promise<string | undefined> {
  try {
    const [library = []] = (await redis.call('FUNCTION', 'LIST', 'LIBRARYNAME', LIBRARY, 'WITHCODE')) as string[][]
    return library[library.indexOf('library_code') + 1]
  } catch (error) {
    if (isRedisReply(error)) return undefined
    throw error
  }
}

/**
 * Has the library loaded from now on: at once, and each time that Redis is back, since it may come back empty. No tracker
 * needs it: what Redis has against it is told once, and nothing else is kept from starting.
 */
export async function keepPeopleLibrary(redis: RedisClient, log: Logger): Promise<void> {
  let told = ''
  const load = async (node: Redis): Promise<void> => {
    try {
      await loadPeopleLibrary(node)
      told = ''
    } catch (error) {
      const problem = messageOf(error)
      // That Redis is away is told by its connection, and it is tried again when that is back.
      if (!isRedisReply(error) || problem === told) return
      told = problem
      log.warn({ problem }, `redis-cli lacks the functions of docs/redis-cli.md: ${remedyOf(problem)}`)
    }
  }
  const kept = new WeakSet<Redis>()
  const keepOn = async (node: Redis): Promise<void> => {
    if (kept.has(node)) return
    kept.add(node)
    node.on('ready', () => void load(node))
    await load(node)
  }
  const keepOnAll = async () => void (await Promise.all(nodesOf(redis).all().map(keepOn)))
  nodesOf(redis).onRefresh(() => void keepOnAll())
  await keepOnAll()
}

function remedyOf(problem: string): string {
  if (problem.startsWith('NOPERM')) return 'the Redis user needs +function|load'
  if (problem.startsWith('OOM')) return "Redis's memory is full; they are loaded at the next start"
  if (problem.startsWith('READONLY')) return 'a replica takes none; it has those of its master'
  return 'Redis refuses to load them'
}
