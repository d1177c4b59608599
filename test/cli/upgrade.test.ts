import { cp, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { makeKeys } from '../../lib/store/keys.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { runCli } from '../support/cli.ts'
import { fill } from '../support/move.ts'
import { useRedis } from '../support/redis.ts'
import { trackerState } from '../support/tracker-state.ts'

const server = useRedis()
const ROOT = new URL('../..', import.meta.url).pathname
/** The program of a layout to come, which differs in nothing else. */
let newer: string
beforeAll(async () => {
  const folder = (await temporaryFolder('upgrade')).path
  for (const name of ['lib', 'services', 'package.json'])
    await cp(join(ROOT, name), join(folder, name), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const file = join(folder, 'lib/store/check-server.ts')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace("const SCHEMA = '2'", "const SCHEMA = '3'"))
  newer = join(folder, 'services/main.ts')
})

it('a tracker of an older layout goes to a newer one, and back, by an export and an import', async () => {
  const { redis, url } = server()
  const env = (prefix: string) => ({ REDSWARM_REDIS_URL: url, REDSWARM_KEY_PREFIX: prefix })
  const file = join((await temporaryFolder('upgrade')).path, 'all.jsonl')
  const run = async (program: string | undefined, args: string[], prefix: string) => {
    const { code, stderr } = await runCli(args, env(prefix), '', '.', program)
    return [code, stderr]
  }
  const older = undefined
  expect(await run(older, ['ban', 'add', '192.0.2.77'], 'old:')).toEqual([0, ''])
  await fill({ redis, keys: makeKeys('old:') })
  const before = await trackerState(redis, makeKeys('old:'))

  for (const args of [['status'], ['export', file], ['udp'], ['keys', 'add']])
    expect([args, ...(await run(newer, args, 'old:'))]).toEqual([
      args,
      expect.any(Number),
      expect.stringMatching(
        /has layout 2, and this redswarm keeps layout 3\n.*older redswarm.*`redswarm export FILE` with the older one.*\n.*`redswarm import FILE` with this one/,
      ),
    ])
  expect(await run(older, ['export', file], 'old:')).toEqual([0, ''])
  expect(await run(newer, ['import', file], 'new:')).toEqual([0, ''])
  expect(await redis.mget('old:schema', 'new:schema')).toEqual(['2', '3'])
  expect(await trackerState(redis, makeKeys('new:'))).toEqual(before)

  expect(await run(older, ['export', file], 'new:')).toEqual([
    2,
    expect.stringMatching(
      /has layout 3, and this redswarm keeps layout 2\n {2}a newer redswarm wrote it: run that one/,
    ),
  ])
  expect(await run(newer, ['export', file], 'new:')).toEqual([0, ''])
  expect(await run(older, ['import', file], 'back:')).toEqual([0, ''])
  expect(await trackerState(redis, makeKeys('back:'))).toEqual(before)
})
