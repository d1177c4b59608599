// Makes the pictures of docs/command-line.md, a part of `npm run docs:pictures`: a tracker runs as processes of its own, under a
// load of `redswarm load`, and the commands look at it, each on a terminal of its own.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/free-port.ts'
import { type Program, withProgram } from '../../support/program.ts'
import { startRedis, type TestRedis, until } from '../../support/redis.ts'
import { startLoad } from '../load.ts'
import { svgOf } from './svg.ts'
import { runOnTerminal } from './terminal.ts'

const FOLDER = join(import.meta.dirname, '../../../docs/pictures')
const SIZE = { columns: 118, rows: 32 }
/** By then there are torrents to rank. */
const FILLED_MS = 8000
const RANKED_MS_MAX = 120_000
/** Rates are of 5 s, totals are read every 10 s. */
const WATCHED_MS = 12_000

async function picture(name: string, env: Record<string, string>, watch?: () => Promise<void>): Promise<void> {
  const { lines, type, ended } = runOnTerminal([name], env, SIZE)
  await (watch ? watch() : ended)
  const shown = await lines()
  await writeFile(join(FOLDER, `${name}.svg`), svgOf(`npx redswarm ${name}`, shown, SIZE.columns))
  type('q')
  await ended
}

type Scene = { redis: TestRedis; env: Record<string, string> } & Record<'udp' | 'http', Program>

async function run({ redis, env, udp, http }: Scene): Promise<void> {
  const udpUrl = `udp://127.0.0.1:${(await udp.serving()).udp[0]?.port}`
  const httpUrl = `http://127.0.0.1:${(await http.serving()).http[0]?.port}/announce`
  const loads = [startLoad('udp', udpUrl, 2400), startLoad('http', httpUrl, 320)]
  await sleep(FILLED_MS)
  await withProgram(['sweeper'], env, async () => {
    await until('the ranking', async () => (await redis.redis.exists('ranks:{seeders}')) === 1, RANKED_MS_MAX)
    await picture('top', env, () => sleep(WATCHED_MS))
    await picture('doctor', env)
  })
  for (const load of loads) load.kill('SIGINT')
}

await mkdir(FOLDER, { recursive: true })
const port = await freePort()
const redis = await startRedis(
  ...['--port', String(port), '--bind', '127.0.0.1', '--appendonly', 'yes', '--maxmemory', '256mb'],
)
const env = { REDSWARM_REDIS_URL: `redis://127.0.0.1:${port}` }
try {
  await withProgram(['udp'], env, (udp) =>
    withProgram(['http'], env, (http) => withProgram(['api'], env, () => run({ redis, env, udp, http }))),
  )
} finally {
  await redis.stop()
}
