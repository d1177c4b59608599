import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { makePasskeyStore } from '../../lib/store/passkeys.ts'
import { call } from '../support/api.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { announceTarget, decode, get } from '../support/http-client.ts'
import { until, useRedis } from '../support/redis.ts'
import { type TestTracker, TOKEN, withTracker } from '../support/tracker.ts'

const PROGRAM = new URL('../../services/cli/redswarm.mjs', import.meta.url).pathname
const page = await readFile(new URL('../../docs/access.md', import.meta.url), 'utf8')

/** A command, and what the page says that it writes. */
type Example = { command: string; answer: string }

const examples: Example[] = [...page.matchAll(/^```console\n\$ (.*?)^```$/gms)].flatMap(([, block = '']) =>
  block.split(/^\$ /m).map((text) => {
    const [command = '', ...lines] = text.split('\n')
    return { command, answer: lines.join('\n') }
  }),
)
/** What the table of failures says first of each. */
const denials = [...page.matchAll(/^\| (?:no key|what is no key|a key that .*?) \| `([^`]+)`/gm)].map(
  ([, text]) => text,
)
/** The key that the page shows. */
const SHOWN_KEY = 'pWz0gjDUPyAdPPelT7inkkInZIxFl9lB'

const server = useRedis()

/** Runs a command of the page in a folder, and answers all that it wrote, in the order that a terminal would show. */
async function redswarm(command: string, folder: string): Promise<string> {
  const [npx, name, ...args] = command.split(' ')
  expect([npx, name]).toEqual(['npx', 'redswarm'])
  const output = await open(join(folder, 'output'), 'w')
  const env = { PATH: process.env.PATH, REDSWARM_REDIS_URL: server().url }
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', output.fd, output.fd],
  })
  await once(child, 'close')
  await output.close()
  return await readFile(join(folder, 'output'), 'utf8')
}

/** Asks the API what a command line with `curl` asks. */
async function curl(command: string, { apiUrl }: TestTracker): Promise<string> {
  const [, method = 'GET', url = ''] =
    /^curl (?:-X (\w+) )?-H "Authorization: Bearer \$TOKEN" "?(http:[^"]+)"?$/.exec(command) ?? []
  return (await call(url.replace('http://127.0.0.1:1212', apiUrl), { method, token: TOKEN })).text
}

/** An answer with the same in the place of all times. */
const comparable = (answer: string): string =>
  answer.replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, 'yyyy-mm-dd hh:mm UTC').replace(/("valid_until"):\d+/g, '$1:0')

/** A Torrust Tracker's database with as many rows of each kind as the page tells of. */
async function writeTorrustDatabase(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const database = new DatabaseSync(path)
  database.exec(`
    CREATE TABLE whitelist (id INTEGER PRIMARY KEY AUTOINCREMENT, info_hash TEXT NOT NULL UNIQUE);
    CREATE TABLE torrents (id INTEGER PRIMARY KEY AUTOINCREMENT, info_hash TEXT NOT NULL UNIQUE, completed INTEGER DEFAULT 0 NOT NULL);
    CREATE TABLE keys (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, valid_until INTEGER);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
      INSERT INTO whitelist (info_hash) SELECT format('%040x', i) FROM n;
    INSERT INTO torrents (info_hash, completed) SELECT info_hash, id % 5 FROM whitelist;
    INSERT INTO torrents (info_hash, completed) VALUES ('95c4bea12e4edcf8aad730a222793324dc42c29d', 1099511627776), ('nothash', 1);
    INSERT INTO keys (key, valid_until) SELECT format('%032d', id), NULL FROM whitelist WHERE id <= 200;
    INSERT INTO keys (key, valid_until) VALUES ('bad', NULL), (format('%032d', 201), 1000);`)
  database.close()
}

/** What a private tracker answers an announce under a path: a failure, or nothing. */
async function failureOf(httpUrl: string, path: string, uploaded = 0): Promise<string | undefined> {
  const target = announceTarget({ uploaded }).replace('/announce', path)
  return (decode((await get(httpUrl + target)).body) as { 'failure reason'?: string })['failure reason']
}

const withFolder = async (test: (folder: string) => Promise<void>): Promise<void> => {
  const { path, remove } = await temporaryFolder('test')
  await test(path).finally(remove)
}

const withPrivateTracker = (test: (tracker: TestTracker) => Promise<void>): Promise<void> =>
  withTracker(server().url, { roles: ['http', 'api'], settings: { REDSWARM_PRIVATE: 'true' } }, test)

it('docs/access.md tells what each command does', () =>
  withFolder((folder) =>
    withPrivateTracker(async (tracker) => {
      let key = SHOWN_KEY
      const run = async ({ command, answer }: Example): Promise<string> => {
        const [program, ...args] = command.replace(SHOWN_KEY, key).split(' ')
        if (program === 'curl') return curl([program, ...args].join(' '), tracker)
        if (program === 'cat') {
          await writeFile(join(folder, args[0] ?? ''), answer)
          return answer
        }
        if (args[1] === 'import') await writeTorrustDatabase(join(folder, args[3] ?? ''))
        const output = await redswarm([program, ...args].join(' '), folder)
        if (!command.startsWith('npx redswarm keys add')) return output
        key = output.split('\n')[0] ?? ''
        await until(
          'the key to be known',
          async () => (await failureOf(tracker.httpUrl, `/announce/${key}`)) === undefined,
        )
        await failureOf(tracker.httpUrl, `/announce/${key}`, 5_000_000_000)
        return output
      }
      expect(examples.length).toBeGreaterThanOrEqual(13)
      for (const example of examples) {
        const output = (await run(example)).replaceAll(key, SHOWN_KEY)
        expect(comparable(output).trimEnd(), example.command).toBe(comparable(example.answer).trimEnd())
      }
      expect((await call(`${tracker.apiUrl}/api/v2/accounts`)).text).toBe('')
    }),
  ))

it('docs/access.md tells what a client is shown whose key is not good', () =>
  withPrivateTracker(async ({ httpUrl }) => {
    const store = makePasskeyStore({ redis: server().redis, keys: makeKeys('') })
    const over = 'o'.repeat(32)
    await store.put({ passkey: over, validUntilS: 1000 })
    const isOver = async () => (await failureOf(httpUrl, `/announce/${over}`))?.includes('expired') === true
    await until('the key to be known', isOver)
    const paths = ['/announce', '/announce/short', `/announce/${'u'.repeat(32)}`, `/announce/${over}`]
    expect(await Promise.all(paths.map((path) => failureOf(httpUrl, path)))).toEqual(denials)
  }))
