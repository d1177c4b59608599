import { execFileSync, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { parseRedisUrl } from '../../lib/config/redis-url.ts'
import { killAtExit, temporaryFolder } from '../support/at-exit.ts'
import { canTestTls } from '../support/certificates.ts'
import { runCli } from '../support/cli.ts'
import { startCluster } from '../support/cluster.ts'
import { freePort } from '../support/free-port.ts'
import { withProgram } from '../support/program.ts'
import { startSentinels } from '../support/sentinel.ts'

const page = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8')

/** What a section of the page has for a shell, block by block. */
const blocksOf = (section: string): string[] =>
  [
    ...(page
      .split(`## ${section}\n`)[1]
      ?.split(/^## /m)[0]
      ?.matchAll(/^```sh\n(.*?)^```$/gms) ?? []),
  ].map(([, block = '']) => block)

/** Runs what a block says on the Redis that it names, with a test's own in the place of what the page names. */
async function play(block: string, own: Record<string, string>): Promise<string> {
  const [, shown = ''] = /^export REDSWARM_REDIS_URL='(.*)'$/m.exec(block) ?? []
  const url = Object.entries(own).reduce((text, [from, to]) => text.replaceAll(from, to), shown)
  expect(parseRedisUrl(url).shown).not.toContain('10.0.0.')
  expect(block.match(/^npx redswarm \w+/gm)).toEqual(['npx redswarm doctor', 'npx redswarm udp'])
  await withProgram(['udp'], { REDSWARM_REDIS_URL: url }, (program) => program.serving())
  return (await runCli(['doctor'], { REDSWARM_REDIS_URL: url })).stdout
}

const hostsOf = (members: readonly { port: number }[], shownPort: number) =>
  Object.fromEntries(members.map(({ port }, i) => [`10.0.0.${i + 1}:${shownPort}`, `127.0.0.1:${port}`]))

it('docs/operations.md says how to serve from the master of Sentinels', async () => {
  const set = await startSentinels({ password: 'PASSWORD', sentinelPassword: 'SECRET' })
  onTestFinished(set.stop)
  const [block = ''] = blocksOf('Redis with Sentinel')
  expect(await play(block, hostsOf(set.sentinels, 26_379))).toMatch(/fine +Sentinels +3 agree on the master/)
}, 30_000)

it('docs/operations.md says how to serve from a Cluster', async () => {
  const cluster = await startCluster()
  onTestFinished(cluster.stop)
  for (const { redis } of cluster.nodes) await redis.config('SET', 'requirepass', 'PASSWORD')
  const [block = ''] = blocksOf('Redis Cluster')
  expect(await play(block, hostsOf(cluster.nodes, 6379))).toMatch(/fine +Cluster +3 masters have all slots/)
}, 30_000)

it.runIf(await canTestTls())(
  'docs/operations.md says how to serve by TLS',
  async () => {
    const { path: folder, remove } = await temporaryFolder('docs')
    onTestFinished(remove)
    const [making = '', starting = '', block = ''] = blocksOf('TLS')
    execFileSync('sh', ['-e', '-c', making], { cwd: folder, stdio: 'pipe' })
    const port = await freePort()
    const [command = '', ...args] = starting.trim().replace('6380', String(port)).split(' ')
    const server = spawn(command, [...args, '--bind', '127.0.0.1', '--save', ''], { cwd: folder, stdio: 'ignore' })
    killAtExit(server)
    onTestFinished(() => void server.kill('SIGKILL'))
    const files = Object.fromEntries(
      ['ca.crt', 'tracker.crt', 'tracker.key'].map((name) => [
        `=${name}`,
        `=${encodeURIComponent(join(folder, name))}`,
      ]),
    )
    expect(await play(block, { ...files, '127.0.0.1:6380': `127.0.0.1:${port}` })).toMatch(/fine +latency/)
  },
  30_000,
)
