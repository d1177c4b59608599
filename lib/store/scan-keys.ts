import type { Redis } from 'ioredis'

/** The names of one Redis's keys that begin alike, about `count` looked at in each step; one may come twice. As bytes: a foreign one may be no UTF-8. */
export async function* scanKeys(node: Redis, prefix: string, count: number): AsyncGenerator<Buffer[]> {
  const pattern = `${prefix.replace(/[*?[\]\\^]/g, String.raw`\$&`)}*`
  let cursor = '0'
  do {
    const reply = await node.callBuffer('SCAN', [cursor, 'MATCH', pattern, 'COUNT', count])
    const [next, names] = reply as [Buffer, Buffer[]]
    yield names
    cursor = next.toString()
  } while (cursor !== '0')
}
