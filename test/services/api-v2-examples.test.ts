import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import { announce } from '../support/http-client.ts'
import { followLive } from '../support/live.ts'
import { until, useRedis } from '../support/redis.ts'
import { TOKEN, withTracker } from '../support/tracker.ts'

/** What is of its moment. */
const VOLATILE = [
  ...['added_at', 'announced_at', 'made_at', 'age_s', 'at'],
  ...['host', 'pid', 'version', 'node', 'started_at', 'told_at', 'listens', 'rss_bytes', 'cpu_cores', 'requests_per_s'],
]
/** An id of an event, or of a process. */
const ID = /\d{13}-\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

const page = readFileSync(new URL('../../docs/api-v2.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/^```console\n\$ curl (?:-N )?-H "([^"]+)" "?([^"\n]+)"?\n([^`]*)^```$/gm)].map(
  ([, header = '', url = '', answer = '']) => ({ header, url, answer }),
)

/** The answer; of a stream, which does not end, as many bytes as are shown. */
async function read(url: string, header: string, chars: number): Promise<string> {
  const [name = '', value = ''] = header.replace('$TOKEN', TOKEN).split(': ')
  const response = await fetch(url, { headers: { [name]: value } })
  expect(response.status).toBe(200)
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  let text = ''
  for await (const bytes of response.body ?? []) {
    text += Buffer.from(bytes).toString()
    if (isStream && text.length >= chars) break
  }
  return isStream ? text.slice(0, chars) : text
}

/** An answer with signs in the place of what is volatile. */
const comparable = (answer: string): unknown => {
  const text = answer.replace(ID, 'an id').replace(/("at"): ?\d+/g, '$1:0')
  if (!/^\{\s*"\w+":.*\}\s*$/s.test(text) || /\}\n\{/.test(text)) return text.trimEnd()
  return JSON.parse(text, (name, value) => (VOLATILE.includes(name) ? typeof value : value))
}

/** A value with the types of what is in it. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (value === null || typeof value !== 'object') return value === null ? null : typeof value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)]))
}

const server = useRedis()

it('docs/api-v2.md tells each call as it is answered', () =>
  withTracker(server().url, {}, async ({ apiUrl, httpUrl }) => {
    const { redis } = server()
    const first = '%9c8B%22%13%e3%0b%ff%21%2b0%c3%60%d2o%9a%02%13d%22'
    await announce(httpUrl, { info_hash: first, port: 1, left: 0 })
    await announce(httpUrl, { info_hash: first, port: 2 })
    const peer = { peer_id: '-qB4500-abcdefghijkl', port: 17548, downloaded: 1024, left: 4096, event: 'started' }
    await announce(httpUrl, { info_hash: 'D%3cv%02%b4%fd%e8%3d%11T%d6%d9%daH%80%84%18%b1%81%b6', ...peer })
    const ranked = { hex: '9c38422213e30bff212b30c360d26f9a02136422', score: 1 }
    await writeRanks(redis, makeKeys(''), 'seeders', [ranked])
    await redis.sadd('whitelist:{9c3}', ranked.hex)
    await redis.hset('bans', '192.0.2.0/24', '4000000000')
    await redis.hset('denied', 'd'.repeat(40), '0')
    await redis.hset('clients', '-XL0012-', 'deny')
    await until('the announces to be counted', async () => (await redis.hget('stats', 'tcp4_announces')) === '3')

    expect(examples).toHaveLength(page.split('```console').length - 1)
    for (const { header, url, answer } of examples) {
      const actual = await read(url.replace('http://127.0.0.1:1212', apiUrl), header, answer.trimEnd().length)
      expect(comparable(actual), url).toEqual(comparable(answer))
    }

    const [, told = ''] = /^```json\n([^`]*)^```$/m.exec(page) ?? []
    const reader = await followLive(apiUrl)
    await until('a snapshot with rates', () => typeof reader.last()?.rates?.udp4_announces === 'number')
    const { listens: _, ...instance } = reader.last()?.instances?.[0] ?? {}
    const documented = JSON.parse(told)
    expect(shapeOf({ ...reader.last(), instances: [{ ...instance, listens: undefined }] })).toEqual(
      shapeOf({ ...documented, instances: [{ ...documented.instances[0], listens: undefined }] }),
    )
    await reader.close()
  }))
