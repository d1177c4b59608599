import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import { announce } from '../support/http-client.ts'
import { until, useRedis } from '../support/redis.ts'
import { TOKEN, withTracker } from '../support/tracker.ts'

/** What is of its moment. */
const VOLATILE = ['added_at', 'announced_at', 'made_at', 'age_s', 'at']

const page = readFileSync(new URL('../../docs/api-v2.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/^```console\n\$ curl (?:-N )?-H "([^"]+)" "?([^"\n]+)"?\n([^`]*)^```$/gm)].map(
  ([, header = '', url = '', answer = '']) => ({ header, url, answer }),
)

/** The answer; of a stream, which does not end, as many bytes as are shown. */
async function read(url: string, header: string, chars: number): Promise<string> {
  const [name = '', value = ''] = header.replace('$TOKEN', TOKEN).split(': ')
  const response = await fetch(url, { headers: { [name]: value } })
  expect(response.status).toBe(200)
  let text = ''
  for await (const bytes of response.body ?? []) {
    text += Buffer.from(bytes).toString()
    if (response.headers.get('content-type')?.startsWith('text/event-stream') && text.length >= chars) break
  }
  return text
}

/** An answer with signs in the place of what is volatile. */
const comparable = (answer: string): unknown => {
  const text = answer.replace(/\d{13}-\d+/g, 'an id').replace(/("at"): ?\d+/g, '$1:0')
  if (!answer.startsWith('{\n') && !/^\{"\w+":[^\n]+\}$/.test(answer)) return text.trimEnd()
  return JSON.parse(answer, (name, value) => (VOLATILE.includes(name) ? typeof value : value))
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
    await until('the announces to be counted', async () => (await redis.hget('stats', 'tcp4_announces')) === '3')

    expect(examples).toHaveLength(page.split('```console').length - 1)
    for (const { header, url, answer } of examples) {
      const actual = await read(url.replace('http://127.0.0.1:1212', apiUrl), header, answer.length)
      expect(comparable(actual), url).toEqual(comparable(answer))
    }
  }))
