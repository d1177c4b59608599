import { readFile } from 'node:fs/promises'
import type { Redis } from 'ioredis'

/** The users of `infra/redis/users.acl`, by name: their rules, as ACL SETUSER takes them. */
export async function usersOf(): Promise<Map<string, string[]>> {
  const text = await readFile(new URL('../../infra/redis/users.acl', import.meta.url), 'utf8')
  return new Map(
    text
      .trim()
      .split('\n')
      .map((line) => {
        const [, name = '', ...rules] = line.split(' ')
        return [name, rules]
      }),
  )
}

/** Has a Redis know these users; the default one stays as it is, for the test. */
export async function addUsers(redis: Redis): Promise<void> {
  for (const [name, rules] of await usersOf())
    if (name !== 'default') await redis.call('ACL', 'SETUSER', name, ...rules)
}

/** What users were refused since the last time, each once: `udp: command flushall`. */
export async function refusalsOf(redis: Redis): Promise<string[]> {
  const entries = (await redis.call('ACL', 'LOG', 128)) as string[][]
  await redis.call('ACL', 'LOG', 'RESET')
  const told = entries.map((entry) => {
    const field = (name: string) => entry[entry.indexOf(name) + 1]
    return `${field('username')}: ${field('reason')} ${field('object')} (${field('context')})`
  })
  return [...new Set(told)].sort()
}
