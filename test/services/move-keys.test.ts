import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { keepMark, makeImportReport } from '../../lib/store/move/progress.ts'
import { RANKED_BY, writeRanks } from '../../lib/store/ranks.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { runCli } from '../support/cli.ts'
import { fill } from '../support/move.ts'
import { until, useRedis } from '../support/redis.ts'
import { connected } from '../support/speaker.ts'
import { withTracker } from '../support/tracker.ts'

const server = useRedis()

/** A kind of key, as a row of docs/redis-keys.md has it: which names are of it, and whether an export has it. */
type Kind = { name: string; pattern: RegExp; isExported: string }

const PLACEHOLDERS: [RegExp, string][] = [
  [/\\\{09a\\\}/g, String.raw`\{[0-9a-f]{3}\}`],
  [/s4:0000/g, '[ls][46]:[0-9a-f]{4}'],
  [/\\\{(?:seeders|leechers|completed)\\\}/g, String.raw`\{(?:seeders|leechers|completed)\}`],
  [/<40 hex>/g, '[0-9a-f]{40}'],
  [/<passkey>/g, '[0-9A-Za-z]{32}'],
  [/<peer id>/g, '.{20}'],
  [/<frontend>|…/g, '.+'],
]

async function kinds(): Promise<Kind[]> {
  const page = await readFile(new URL('../../docs/redis-keys.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(.*?)`.*\|.*\|.*\| (.*) \|$/gm)]
  return rows.map(([, name = '', isExported = '']) => {
    const escaped = name.replace(/[{}.:]/g, String.raw`\$&`)
    const source = PLACEHOLDERS.reduce((text, [from, to]) => text.replace(from, to), escaped.replaceAll('\\:', ':'))
    return { name, pattern: new RegExp(`^${source}$`, 's'), isExported }
  })
}

/** All names of keys after a prefix, as latin1. */
async function namesAfter(prefix: string): Promise<string[]> {
  const names = (await server().redis.callBuffer('KEYS', [`*${prefix}*`])) as Buffer[]
  return names.map((name) => name.toString('latin1').replace(prefix, ''))
}

it('each kind of key of a tracker is in an export, or docs/redis-keys.md says why not', async () => {
  const all = await kinds()
  const { redis } = server()
  const keys = makeKeys('from:')
  await fill({ redis, keys })
  for (const by of RANKED_BY)
    for (const score of [1, 2]) await writeRanks(redis, keys, by, [{ hex: 'a'.repeat(40), score }])
  await keepMark(redis, keys, 'other', { line: 1, report: makeImportReport(), before: { torrents: 0, peers: 0 } })
  const settings = { REDSWARM_KEY_PREFIX: 'from:', REDSWARM_SWEEP_INTERVAL_S: '1' }
  const env = { REDSWARM_REDIS_URL: server().url, REDSWARM_KEY_PREFIX: 'from:' }
  expect((await runCli(['audit'], env)).code).toBe(0)
  const kindsOf = (names: readonly string[]) => {
    const found = names.map((name) => all.filter(({ pattern }) => pattern.test(name)).map((kind) => kind.name))
    expect(names.filter((_, i) => found[i]?.length !== 1)).toEqual([])
    return [...new Set(found.flat())].sort()
  }
  await withTracker(server().url, { roles: ['udp', 'sweeper'], settings }, async (tracker) => {
    await (await connected(tracker)).announce()
    await until('counts', async () => (await redis.keys('{from:stats}:flush:*')).length > 0)
    await until('a sweep', async () => (await redis.hexists(keys.sweeper, 'swept')) === 1)
    expect(kindsOf(await namesAfter('from:'))).toEqual(all.map(({ name }) => name).sort())
  })

  const { path: folder, remove } = await temporaryFolder('kinds')
  onTestFinished(remove)
  const file = join(folder, 'all.jsonl')
  expect((await runCli(['export', '--with-secret', file], env)).code).toBe(0)
  expect(await runCli(['import', file], { ...env, REDSWARM_KEY_PREFIX: 'to:' })).toMatchObject({ code: 0 })
  const there = all.filter(({ isExported }) => !isExported.startsWith('no: ')).map(({ name }) => name)
  expect(kindsOf(await namesAfter('to:'))).toEqual(there.sort())
})
