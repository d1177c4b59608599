import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { loadSettings } from '../../lib/config/settings.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { freePort } from '../support/free-port.ts'
import { type Program, withProgram } from '../support/program.ts'
import { useRedis } from '../support/redis.ts'
import { UdpClient } from '../support/udp-client.ts'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = join(ROOT, 'infra/systemd')
const INSTALLED = '/opt/redswarm/current'
/** Of 10, in systemd's own reckoning: sockets to all the world and code made at run time are what is left. */
const EXPOSURE_MAX = 1.3
const CLIENTS = 20

const services = readdirSync(FOLDER).filter((name) => name.endsWith('.service'))
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8')
const lineOf = (unit: string, key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(read(unit))?.[1] ?? ''

/** The arguments that a unit has of the program, and the settings that are its own. */
function unit(name: string, instance = '') {
  const [node, main, ...args] = lineOf(name, 'ExecStart').replaceAll('%i', instance).split(' ')
  const settings = parseEnv(lineOf(name, 'Environment').replaceAll(' ', '\n')) as Record<string, string>
  return { node, main, args, settings }
}

/** Units as they would be installed, but that the program is this one. */
async function withUnits<T>(test: (analyze: (...args: string[]) => ReturnType<typeof spawnSync>) => T): Promise<T> {
  const folder = await temporaryFolder('units')
  try {
    cpSync(FOLDER, folder.path, { recursive: true })
    for (const name of services) writeFileSync(join(folder.path, name), read(name).replaceAll(INSTALLED, ROOT))
    const env = { ...process.env, SYSTEMD_UNIT_PATH: `${folder.path}:` }
    return test((...args) => spawnSync('systemd-analyze', args, { env, encoding: 'utf8' }))
  } finally {
    await folder.remove()
  }
}

const instances = services.map((name) => name.replace('@', '@1'))

describe('the units for systemd', () => {
  const server = useRedis()

  it('are right, and expose little, by systemd-analyze, where it is installed', ({ skip }) =>
    withUnits((analyze) => {
      if (analyze('--version').error) return skip('systemd is not installed')
      const verified = analyze('verify', '--man=no', 'redswarm.target', ...instances)
      expect([verified.status, verified.stdout, verified.stderr]).toEqual([0, '', ''])
      const threshold = `--threshold=${EXPOSURE_MAX * 10}`
      for (const name of instances) {
        const { status, stdout } = analyze('security', '--offline=true', '--no-pager', threshold, name)
        expect([name, status, status === 0 ? '' : stdout]).toEqual([name, 0, ''])
      }
    }))

  it('have settings that there are, and metrics at ports of their own', () => {
    const shared = parseEnv(read('redswarm.env').replaceAll(/^#(?=REDSWARM_)/gm, ''))
    expect(Object.keys(shared)).toHaveLength(5)
    expect(Object.keys(shared)).not.toContain('REDSWARM_METRICS_LISTEN')
    const ports = services.map((name) => {
      const { node, main, settings } = unit(name)
      expect([node, main]).toEqual([`${INSTALLED}/node_modules/node/bin/node`, `${INSTALLED}/services/main.ts`])
      return loadSettings({ ...shared, ...settings }, false).metricsListens[0]?.port
    })
    expect(new Set(ports).size).toBe(4)
  })

  it.runIf(process.platform === 'linux')(
    'let each frontend of a port be restarted by itself, with no client of UDP left without an answer',
    async () => {
      const port = await freePort()
      const metrics = await freePort()
      const start = (number: string, test: (program: Program) => Promise<void>) =>
        withProgram(
          unit('redswarm-udp@.service', number).args,
          {
            REDSWARM_REDIS_URL: server().url,
            REDSWARM_UDP_LISTEN: `127.0.0.1:${port}`,
            REDSWARM_METRICS_LISTEN: `127.0.0.1:${metrics}`,
          },
          async (program) => {
            expect((await program.serving()).udp[0]?.port).toBe(port)
            await test(program)
          },
        )
      const connects = async (number: number) => {
        const text = await (await fetch(`http://127.0.0.1:${metrics + number}/metrics`)).text()
        return Number(/^redswarm_requests_total\{.*family="ipv4",kind="connect".*\} (\d+)$/m.exec(text)?.[1])
      }
      await start('1', (first) =>
        start('2', async () => {
          const clients = await Promise.all(Array.from({ length: CLIENTS }, () => UdpClient.open(port)))
          try {
            for (const client of clients) await client.connect()
            const counts = [await connects(1), await connects(2)]
            expect(Math.min(...counts)).toBeGreaterThan(0)
            expect((counts[0] as number) + (counts[1] as number)).toBe(CLIENTS)
            const announceAll = () => Promise.all(clients.map((client) => client.announce()))
            let hasEnded = false
            const ended = first.end('SIGTERM').then((code) => {
              hasEnded = true
              return code
            })
            while (!hasEnded) await announceAll()
            expect(await ended).toBe(0)
            await start('1', async () => void (await announceAll()))
          } finally {
            for (const client of clients) client.close()
          }
        }),
      )
    },
  )

  it('of two ways to have several processes take one', () =>
    withProgram(
      ['udp', '--process', '1', '--processes', '2'],
      { REDSWARM_REDIS_URL: server().url },
      async (program) => {
        expect(await program.ended()).toBe(1)
        expect(program.stderr()).toContain("option '--process <number>' cannot be used with option '--processes <n>'")
      },
    ))

  it.each(['0', '1.5', 'one', '%i'])('are refused where their number is none: %s', (number) =>
    withProgram(['udp', '--process', number], { REDSWARM_REDIS_URL: server().url }, async (program) => {
      expect(await program.ended()).toBe(1)
      expect(program.stderr()).toContain('must be a number from 1 to 999')
    }),
  )
})
