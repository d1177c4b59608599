import { readFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { parseRedisUrl } from '../../lib/config/redis-url.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { writeRanks } from '../../lib/store/ranks.ts'
import { runningRedisUrl } from '../../lib/store/running-redis.ts'
import { encodeBytes } from '../../lib/wire/query.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { type Example, examplesOf, runInShell } from '../support/console-page.ts'
import { freePort } from '../support/free-port.ts'
import { announce } from '../support/http-client.ts'
import { type Program, withProgram } from '../support/program.ts'
import { until } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'

const PROGRAM = new URL('../../services/cli/redswarm.mjs', import.meta.url).pathname
const page = await readFile(new URL('../../docs/command-line.md', import.meta.url), 'utf8')
const examples = examplesOf(page)
/** What the page shows without an answer: scripts that go into files. */
const scripts = [...page.matchAll(/^(npx redswarm completion \w+) > /gm)].map(([, command = '']) => command)
/** The folder that the page's tracker runs on. */
const DATA_FOLDER = '/srv/redswarm/data'
const [TORRENT, OTHER_TORRENT] = [
  '443c7602b4fde83d1154d6d9da48808418b181b6',
  '9c38422213e30bff212b30c360d26f9a02136422',
]
/** What these tell is of the moment, but for its words. */
const OF_THE_MOMENT = /^npx redswarm (?:status|top|check)\b/

/** The peers that the page tells of. */
const peer = (hash: string, port: number, left: number, client = '-RS0100-') => ({
  info_hash: encodeBytes(hashOf(hash)),
  peer_id: client.padEnd(20, 'x'),
  ...{ port, left },
})

/** Runs a test on the page's tracker, which has ranked one of its torrents. */
async function withPagesTracker(test: (program: Program, env: Record<string, string>) => Promise<void>): Promise<void> {
  const { path, remove } = await temporaryFolder('test')
  const env = { REDSWARM_DATA_DIR: path, REDSWARM_HEALTH_LISTEN: `127.0.0.1:${await freePort()}` }
  try {
    await withProgram(['up'], env, async (program) => {
      const url = `http://127.0.0.1:${(await program.serving()).http[0]?.port}`
      await announce(url, peer(TORRENT, 6881, 1_000_000))
      await announce(url, peer(TORRENT, 6882, 0, '-qB4670-'))
      await announce(url, peer(TORRENT, 6883, 5))
      await announce(url, peer(OTHER_TORRENT, 6884, 5))
      await rank(path)
      await test(program, env)
    })
  } finally {
    await remove()
  }
}

/** Ranks one torrent, once the sweeper has begun with none: its next ranking is minutes away. */
async function rank(dataDir: string): Promise<void> {
  const redis = new Redis(parseRedisUrl((await runningRedisUrl(dataDir)) ?? '').options)
  const keys = makeKeys('')
  try {
    await until('the first ranking', async () => (await redis.exists(keys.ranksMade('completed'))) === 1)
    await writeRanks(redis, keys, 'seeders', [{ hex: TORRENT, score: 1 }])
  } finally {
    redis.disconnect()
  }
}

/** Places of the page, and those that are meant here. */
async function placesOf(program: Program, env: Record<string, string>): Promise<[onThePage: string, here: string][]> {
  const { udp, http } = await program.serving()
  return [
    ['127.0.0.1:6969', `127.0.0.1:${udp[0]?.port}`],
    ['127.0.0.1:7070', `127.0.0.1:${http[0]?.port}`],
    ['127.0.0.1:1313', env.REDSWARM_HEALTH_LISTEN ?? ''],
    // Nobody listens there.
    ['127.0.0.1:7071', `127.0.0.1:${await freePort()}`],
    [DATA_FOLDER, env.REDSWARM_DATA_DIR ?? ''],
  ]
}

/** Runs a command as it stands on the page; answers what a terminal would show, and the exit code. */
async function run(command: string, dataDir: string): Promise<{ output: string; code: number }> {
  const shell = [
    `export REDSWARM_DATA_DIR='${dataDir}'`,
    `npx() { shift; '${process.execPath}' '${PROGRAM}' "$@"; }`,
    // A log has no end: two lines of it.
    command.replace(/tee \S+$/, 'head -n 2'),
    'echo "exit code $?"',
  ]
  const [, output = '', code] = /^(.*?)\n?exit code (\d+)$/s.exec(await runInShell(shell.join('\n'))) ?? []
  return { output, code: Number(code) }
}

/** The lines of an answer with the same in the place of all that no two runs have in common; peers come in any order. */
function comparable(answer: string, { command }: Example): string[] {
  const lasting = answer
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, 'DATE')
    .replace(/(?:\b(?:udp|http|api|health|metrics) \S+:\d+(?:, )?)+$/gm, 'LISTENS')
    .replace(/^( +udp http api sweeper +)\S+/gm, '$1HOST')
    .replace(/\d[\d,.]* (?:[kM]?B|ms|s|min|%)(?= |,|;|\)|$)/gm, 'SOME')
  const text = OF_THE_MOMENT.test(command) ? lasting.replace(/(?<![\da-z])\d[\d,.]*(?![\da-z])/g, 'N') : lasting
  return text.replace(/ +/g, ' ').split('\n').sort()
}

/** What a diagnosis is about: how well each is, is this machine's. */
const aboutsOf = (diagnosis: string): string[] =>
  [...diagnosis.matchAll(/^ {2}(?:critical|warning|note|unknown|fine) +(\S.*?) {2}/gm)]
    .map(([, about = '']) => about)
    .sort()

/** The exit code that goes with what a command wrote. */
const codeOf = (output: string): number => (/^redswarm: |^ {2}(?:FAIL|critical|warning) /m.test(output) ? 1 : 0)

it('docs/command-line.md tells what each command prints', () =>
  withPagesTracker(async (program, env) => {
    const places = await placesOf(program, env)
    expect(examples.length).toBeGreaterThanOrEqual(12)
    // They look, or announce what is there: each may run beside the others.
    await Promise.all(
      examples.map(async (example) => {
        const here = places.reduce((command, [onThePage, its]) => command.replaceAll(onThePage, its), example.command)
        const { output, code } = await run(here, env.REDSWARM_DATA_DIR ?? '')
        const shown = places.reduce((text, [onThePage, its]) => text.replaceAll(its, onThePage), output)
        expect({ command: example.command, code }).toEqual({ command: example.command, code: codeOf(example.answer) })
        if (example.command.includes('doctor')) expect(aboutsOf(shown)).toEqual(aboutsOf(example.answer))
        else expect(comparable(shown, example), example.command).toEqual(comparable(example.answer, example))
      }),
    )
  }))

it('docs/command-line.md has no command that is not run', async () => {
  expect(page.match(/^(?:\$ )?npx redswarm/gm)).toHaveLength(examples.length + scripts.length)
  const printed = await Promise.all(scripts.map((command) => run(command, '')))
  for (const { output, code } of printed)
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('doctor') })
})
