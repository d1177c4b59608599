import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { call } from '../support/api.ts'
import { announce } from '../support/http-client.ts'
import { until, useRedis } from '../support/redis.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'

/** What is of its moment, or of chance. */
const VOLATILE = ['updated', 'updated_milliseconds_ago', 'valid_until', 'expiry_time', 'recorded_at', 'key']

type Example = { command: string; answer: string }

/** The calls of a page: a line after `$`, and what is answered. */
function examplesIn(path: string): Example[] {
  const page = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  return [...page.matchAll(/^```console\n\$ (.+)\n([^`]*)^```$/gm)].map(([, command = '', answer = '']) => ({
    command,
    answer,
  }))
}

/** Calls what a `curl` command line would. */
async function curl(command: string, { apiUrl, healthUrl }: TestTracker): Promise<string> {
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  )
  expect(words.shift()).toBe('curl')
  const options: { method?: string; body?: string; headers: Record<string, string> } = { headers: {} }
  let url = ''
  while (words.length > 0) {
    const word = words.shift() ?? ''
    if (word === '-X') options.method = words.shift() ?? ''
    else if (word === '-d') options.body = words.shift() ?? ''
    else if (word === '-H') {
      const [name = '', value = ''] = (words.shift() ?? '').split(': ')
      options.headers[name] = value.replace('$TOKEN', TOKEN)
    } else url = word
  }
  url = url.replace('http://127.0.0.1:1212', apiUrl).replace('http://127.0.0.1:1313', healthUrl)
  return (await call(url, { ...options, token: '' })).text
}

/** A value with types in the place of what is volatile, and the documented ports in the place of those of the test. */
function comparable(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => comparable(each))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, comparable(inner, key)]))
  }
  return VOLATILE.includes(name) ? typeof value : value
}

/** Lines as they must come, one after another; `…` stands for any that are not shown. */
function expectLines(actual: string, expected: string): void {
  const lines = actual.trimEnd().split('\n')
  let from = 0
  let isExact = true
  for (const line of expected.trimEnd().split('\n')) {
    if (line === '…') {
      isExact = false
      continue
    }
    const found = lines.indexOf(line, from)
    expect(found, `${line} in ${actual}`).toBeGreaterThanOrEqual(from)
    if (isExact) expect(found, line).toBe(from)
    from = found + 1
    isExact = true
  }
}

const server = useRedis()

it('docs/api.md tells each call as it is answered', () =>
  withTracker(server().url, {}, async (tracker) => {
    const { httpUrl, udp, http, api } = tracker
    const first = '%9c8B%22%13%e3%0b%ff%21%2b0%c3%60%d2o%9a%02%13d%22'
    await announce(httpUrl, { info_hash: first, port: 1, left: 0 })
    await announce(httpUrl, { info_hash: first, port: 2 })
    const peer = { peer_id: '-qB4500-abcdefghijkl', port: 17548, downloaded: 1024, left: 4096, event: 'started' }
    await announce(httpUrl, { info_hash: 'D%3cv%02%b4%fd%e8%3d%11T%d6%d9%daH%80%84%18%b1%81%b6', ...peer })
    await until(
      'the announces to be counted',
      async () => (await server().redis.hget('stats', 'tcp4_announces')) === '3',
    )

    const examples = examplesIn('docs/api.md')
    expect(examples.length).toBeGreaterThanOrEqual(18)
    const ports = { '0.0.0.0:6969': udp, '0.0.0.0:7070': http, '127.0.0.1:1212': api }
    for (const { command, answer } of examples) {
      const isJson = /^[[{]/.test(answer)
      const expected = Object.entries(ports).reduce(
        (text, [documented, [listen]]) => text.replaceAll(documented, `127.0.0.1:${listen?.port}`),
        answer,
      )
      const actual = await curl(command, tracker)
      if (isJson) expect(comparable(JSON.parse(actual)), command).toEqual(comparable(JSON.parse(expected)))
      else expectLines(actual, expected)
    }
  }))
