import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** What a command ended with, and what it said. */
export type Ended = { code: number | null; stdout: string; stderr: string }

const ROOT = join(import.meta.dirname, '../..')
const COMMAND_MS_MAX = 300_000
/** The first that knows `!reset`, `!override` and files of settings that need not be there. */
const COMPOSE_MIN = [2, 24] as const

/** Runs a command to its end. */
export async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: COMMAND_MS_MAX,
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = (await once(child, 'close').catch((error: Error) => {
    stderr += error.message
    return [null]
  })) as [number | null]
  return { code, stdout, stderr }
}

/** The same, where it must succeed; answers what it said. */
export async function must(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, env)
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${(stderr || stdout).trim().slice(-1500)}`)
  return stdout.trim()
}

export const docker = (...args: string[]): Promise<string> => must('docker', args)

/** Why the test cannot be run here; undefined where it can. */
export async function missing(): Promise<string | undefined> {
  if ((await run('docker', ['version', '--format', '{{.Server.Version}}'])).code !== 0)
    return 'no Docker engine answers (docker version)'
  const { code, stdout } = await run('docker', ['compose', 'version', '--short'])
  const [major = 0, minor = 0] = stdout.replace(/^v/, '').split('.').map(Number)
  if (code !== 0 || major < COMPOSE_MIN[0] || (major === COMPOSE_MIN[0] && minor < COMPOSE_MIN[1]))
    return `Docker Compose ${COMPOSE_MIN.join('.')} or later is not here (docker compose version)`
  if (process.getuid?.() !== 0) return 'not root: clients in network namespaces of their own need it'
  if ((await run('ip', ['netns', 'list'])).code !== 0) return 'no network namespaces here (ip netns)'
  return undefined
}

/** Whether the engine has an image, or gets it where it may ask for it. */
export async function hasImage(image: string, mayPull: boolean): Promise<boolean> {
  if ((await run('docker', ['image', 'inspect', image])).code === 0) return true
  return mayPull && (await run('docker', ['pull', '--quiet', image])).code === 0
}

/** A container, as far as `docker inspect` is asked for here. */
export type Container = {
  Name: string
  State: { Pid: number; Running: boolean; StartedAt: string; Health?: { Status: string } }
  RestartCount: number
  Config: { User: string; Labels: Record<string, string>; Healthcheck?: { Test: string[] } }
  HostConfig: {
    ReadonlyRootfs: boolean
    CapDrop: string[] | null
    CapAdd: string[] | null
    Memory: number
    NanoCpus: number
    SecurityOpt: string[] | null
    Privileged: boolean
    LogConfig: { Config: Record<string, string> }
    RestartPolicy: { Name: string }
  }
  NetworkSettings: { Networks: Record<string, { IPAddress: string }> }
}

export const inspect = async (...ids: string[]): Promise<Container[]> =>
  JSON.parse(await docker('inspect', ...ids)) as Container[]

/** A project of docker compose: the stack under a name of its own. */
export type Project = {
  name: string
  compose: (...args: string[]) => Promise<string>
  /** Starts services and what they need; done when all are healthy, or have ended as they should. */
  up: (services: readonly string[], ...options: string[]) => Promise<void>
  /** The running containers of a service. */
  of: (service: string) => Promise<Container[]>
  all: () => Promise<Container[]>
  /** Takes it down with its volumes; answers what is left of it. */
  down: () => Promise<string[]>
}

/** The stack under a project name, with settings in place of a `.env` file, and override files. */
export function makeProject(name: string, settings: Record<string, string>, overrides: readonly string[]): Project {
  const files = ['docker-compose.yml', ...overrides].flatMap((file) => ['-f', file])
  // Settings of whoever runs this, in a .env file, are not those of the test.
  const compose = (...args: string[]) =>
    must('docker', ['compose', '-p', name, '--env-file', '/dev/null', ...files, ...args], settings)
  const label = `label=com.docker.compose.project=${name}`
  const ids = async (...filters: string[]): Promise<string[]> =>
    (await docker('ps', '-q', '--filter', label, ...filters.flatMap((each) => ['--filter', each])))
      .split('\n')
      .filter(Boolean)
  const inspectAll = async (all: string[]): Promise<Container[]> => (all.length > 0 ? inspect(...all) : [])
  let isUp = false
  // Ctrl-C, or a fault of the test itself: nothing is left all the same.
  process.once('exit', () => {
    if (isUp)
      spawnSync('docker', ['compose', '-p', name, 'down', '-v', '-t', '2', '--remove-orphans'], { stdio: 'ignore' })
  })
  return {
    name,
    compose,
    async up(services, ...options) {
      isUp = true
      await compose('up', '-d', '--no-build', '--quiet-pull', ...options, ...services)
      await untilHealthy(async () => inspectAll(await ids()))
    },
    of: async (service) => inspectAll(await ids(`label=com.docker.compose.service=${service}`)),
    all: async () => inspectAll(await ids()),
    async down() {
      await compose('down', '-v', '-t', '10', '--remove-orphans')
      const kinds = [
        ['ps', '-aq'],
        ['volume', 'ls', '-q'],
        ['network', 'ls', '-q'],
      ] as const
      isUp = false
      const left = await Promise.all(kinds.map((words) => docker(...words, '--filter', label)))
      return left.flatMap((text) => text.split('\n').filter(Boolean))
    },
  }
}

const HEALTHY_MS_MAX = 90_000

async function untilHealthy(containers: () => Promise<Container[]>): Promise<void> {
  const end = performance.now() + HEALTHY_MS_MAX
  for (;;) {
    const sick = (await containers()).filter(({ State }) => State.Health && State.Health.Status !== 'healthy')
    if (sick.length === 0) return
    if (performance.now() > end)
      throw new Error(`not healthy in ${HEALTHY_MS_MAX / 1000} s: ${sick.map(({ Name }) => Name).join(', ')}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** The address of a container in one of its project's networks. */
export function addressIn(project: Project, network: string, container: Container | undefined): string {
  const address = container?.NetworkSettings.Networks[`${project.name}_${network}`]?.IPAddress
  if (!address) throw new Error(`${container?.Name ?? 'a container'} is not in the network ${network}`)
  return address
}
