import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseListens } from '../../lib/config/listen.ts'
import { parseRedisUrl } from '../../lib/config/redis-url.ts'
import { type Property, settingsSchema } from '../../lib/config/schema.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

type Service = {
  image?: string
  build?: { dockerfile: string }
  user?: string
  command?: string[]
  environment?: Record<string, string>
  networks?: unknown
  network_mode?: string
  ports?: string[]
  volumes?: string[]
  healthcheck?: { test?: string[]; disable?: boolean }
  deploy?: { resources?: { limits?: { cpus?: string; memory?: string } } }
  restart?: string
  logging?: { options: Record<string, string> }
} & Record<string, unknown>
type File = {
  services: Record<string, Service | undefined>
  networks?: Record<string, { ipam?: { config: { subnet: string }[] } } | null>
  volumes?: Record<string, unknown>
}

/** A variable, and what stands for it where it is not set. */
const VARIABLE = /(?<!\$)\$\{([A-Z0-9_]+):-([^}]*)\}/g
/** What takes a value of the file before away: read as if there were none. */
const customTags = ['!reset', '!override'].map((tag) => ({ tag, resolve: () => undefined }))

/** A file as Docker Compose reads it where nothing is set. */
const load = (path: string): File =>
  parse(
    read(path).replace(VARIABLE, (_, __, value: string) => value),
    // Of a map that is taken away, the tag alone counts.
    { merge: true, customTags, logLevel: 'error' },
  ) as File

const BASE = 'docker-compose.yml'
const OVERRIDES = ['cluster', 'sentinel', 'tls', 'host-network'].map((name) => `infra/docker/${name}.yml`)
const FILES = [BASE, ...OVERRIDES]
const base = load(BASE)
const servicesOf = (path: string) =>
  Object.entries(load(path).services).flatMap(([name, each]) => (each ? [{ name, ...each }] : []))
const all = FILES.flatMap((path) => servicesOf(path).map((service) => ({ path, ...service })))
/** Those that a file adds; the others change a service of the first file. */
const containers = all.filter(({ image }) => image !== undefined)
const where = ({ path, name }: { path: string; name: string }) => `${path}: ${name}`

const settings: Record<string, Property> = settingsSchema.properties
const portOf = (setting: string): number => parseListens(String(settings[setting]?.default))?.[0]?.port ?? 0
const PORTS = {
  udp: portOf('REDSWARM_UDP_LISTEN'),
  http: portOf('REDSWARM_HTTP_LISTEN'),
  api: portOf('REDSWARM_API_LISTEN'),
  health: portOf('REDSWARM_HEALTH_LISTEN'),
  metrics: portOf('REDSWARM_METRICS_LISTEN'),
}

describe('docker-compose.yml and the files that change it', () => {
  it.each([
    ['a root file system that is only read', ({ read_only }: Service) => read_only === true],
    ['no capability', ({ cap_drop, cap_add }) => String(cap_drop) === 'ALL' && cap_add === undefined],
    ['no way to gain privileges', ({ security_opt }) => String(security_opt) === 'no-new-privileges:true'],
    ['10 s to stop', ({ stop_grace_period }) => stop_grace_period === '10s'],
    ['a log that is bounded', ({ logging }) => Boolean(logging?.options['max-size'] && logging.options['max-file'])],
    [
      'a limit of cores and of memory',
      ({ deploy }) => Boolean(deploy?.resources?.limits?.cpus && deploy.resources.limits.memory),
    ],
    ['a network', ({ networks }) => networks !== undefined],
    [
      'a user that is not root',
      ({ user, build, image }) =>
        (user ?? '') !== 'root' && (user !== undefined || build !== undefined || /prom|grafana/.test(image ?? '')),
    ],
  ] satisfies [string, (service: Service) => boolean][])('give each container %s', (_, holds) => {
    expect(containers.length).toBeGreaterThan(15)
    expect(containers.filter((service) => !holds(service)).map(where)).toEqual([])
  })

  it('give each container that goes on a health check and a restart', () => {
    const lasting = containers.filter(({ name }) => name !== 'cluster')
    const wrong = lasting.filter(
      ({ build, healthcheck, restart }) => restart !== 'unless-stopped' || (!build && !healthcheck?.test?.length),
    )
    expect(wrong.map(where)).toEqual([])
    expect(read('infra/docker/Dockerfile')).toMatch(/^HEALTHCHECK .*ready\.mjs/m)
  })

  it('take nothing of that away in an override', () => {
    const fixed = [
      'read_only',
      'cap_drop',
      'cap_add',
      'security_opt',
      'privileged',
      'user',
      'restart',
      'healthcheck',
      'logging',
    ]
    const changes = all.filter(({ image }) => image === undefined)
    expect(changes.length).toBeGreaterThan(10)
    expect(changes.filter((service) => fixed.some((key) => key in service)).map(where)).toEqual([])
    expect(changes.filter(({ name }) => !(name in base.services)).map(where)).toEqual([])
  })

  it('set only what the tracker knows, to what it can read', () => {
    const given = all.flatMap(({ environment = {} }) =>
      Object.entries(environment).filter(([name]) => name.startsWith('REDSWARM_')),
    )
    expect(given.filter(([name]) => !(name in settings))).toEqual([])
    for (const [name, value] of given) {
      if (name.endsWith('_LISTEN')) expect(parseListens(value), name).toBeDefined()
      if (name === 'REDSWARM_REDIS_URL') expect(parseRedisUrl(value)).toBeDefined()
    }
    // In a .env file they would stop `npm start`, which knows no such setting.
    const variables = FILES.flatMap((path) => Array.from(read(path).matchAll(VARIABLE), ([, name = '']) => name))
    expect(variables.filter((name) => name.startsWith('REDSWARM_') && !(name in settings))).toEqual([])
  })

  it('listen on the ports that the tracker has elsewhere, and lead there', () => {
    const listens = { UDP: PORTS.udp, HTTP: PORTS.http, API: PORTS.api, HEALTH: PORTS.health, METRICS: PORTS.metrics }
    for (const [name, port] of Object.entries(listens))
      expect(base.services.udp?.environment?.[`REDSWARM_${name}_LISTEN`]).toBe(`0.0.0.0:${port}`)
    expect(base.services.nginx?.ports).toEqual([`${PORTS.udp}:${PORTS.udp}/udp`, `${PORTS.http}:${PORTS.http}/tcp`])
    expect(base.services.api?.ports).toEqual([`127.0.0.1:${PORTS.api}:${PORTS.api}`])
    const nginx = read('infra/nginx/compose.conf')
    expect(Array.from(nginx.matchAll(/server (\w+):(\d+) resolve/g), ([, host, port]) => `${host}:${port}`)).toEqual([
      `udp:${PORTS.udp}`,
      `http:${PORTS.http}`,
    ])
    expect(Array.from(nginx.matchAll(/listen (?:\[::\]:)?(\d+)/g), ([, port]) => Number(port))).toEqual([
      PORTS.udp,
      PORTS.udp,
      PORTS.http,
      PORTS.http,
    ])
    const { udp, http, api, health, metrics } = PORTS
    expect(read('infra/docker/Dockerfile')).toContain(
      `EXPOSE ${udp}/udp ${http}/tcp ${api}/tcp ${health}/tcp ${metrics}/tcp`,
    )
  })

  it('trust the network of the balancer, and no other', () => {
    const subnets = base.networks?.front?.ipam?.config.map(({ subnet }) => subnet)
    expect(base.services.udp?.environment?.REDSWARM_TRUSTED_PROXIES).toBe(subnets?.join())
    const inFront = servicesOf(BASE).filter(({ networks }) => JSON.stringify(networks).includes('front'))
    expect(inFront.map(({ name }) => name)).toEqual(['udp', 'http', 'nginx'])
  })

  it('mount files that are there', () => {
    const mounted = all.flatMap(({ volumes = [] }) => volumes).filter((volume) => volume.startsWith('./infra'))
    expect(mounted.length).toBeGreaterThan(4)
    expect(mounted.filter((volume) => !existsSync(join(ROOT, volume.split(':')[0] ?? '')))).toEqual([])
  })

  it('declare the volumes that they mount', () => {
    const wrong = FILES.flatMap((path) => {
      const declared = { ...base.volumes, ...load(path).volumes }
      const named = servicesOf(path).flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0] ?? ''))
      return named.filter((name) => !/^[./]/.test(name) && !(name in declared))
    })
    expect(wrong).toEqual([])
  })

  it('have images of versions that serve', () => {
    const versionOf = (image = '') => (/:v?(\d+)(?:\.(\d+))?/.exec(image) ?? []).slice(1).map(Number)
    expect(versionOf(base.services.redis?.image)[0]).toBeGreaterThanOrEqual(7)
    const [major = 0, minor = 0] = versionOf(base.services.nginx?.image)
    expect(major * 1000 + minor).toBeGreaterThanOrEqual(1028)
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
    const node = /^ARG NODE_IMAGE=node:(\d+)/m.exec(read('infra/docker/Dockerfile'))?.[1]
    expect(dependencies.node).toMatch(new RegExp(`^\\^${node}\\.`))
  })

  it('make a Cluster of the six nodes that the tracker is told of', () => {
    const { services } = load('infra/docker/cluster.yml')
    const nodes = Object.keys(services).filter((name) => name.startsWith('redis'))
    const { hosts } = parseRedisUrl(services.udp?.environment?.REDSWARM_REDIS_URL ?? '')
    expect(hosts.map(({ host }) => host)).toEqual(nodes)
    const addresses = nodes.map(
      (name) => (services[name]?.networks as { inner?: { ipv4_address?: string } })?.inner?.ipv4_address,
    )
    const made = /--cluster create (.*?) *\\/.exec(services.cluster?.command?.[2] ?? '')?.[1]
    expect(made?.replaceAll('$$net', '10.69.70').split(' ')).toEqual(addresses.map((address) => `${address}:6379`))
  })

  it('keep what no Redis may throw away', () => {
    const servers = all.filter(({ command }) => JSON.stringify(command ?? '').includes('maxmemory '.trim()))
    expect(servers.length).toBeGreaterThan(9)
    for (const { path, name, command } of servers) {
      const words = String(command).replaceAll(',', ' ')
      expect(words, `${path}: ${name}`).toContain('--maxmemory-policy noeviction')
      expect(words, `${path}: ${name}`).toContain('--appendonly yes')
    }
  })
})

describe('what docker-compose.yml gives Prometheus and Grafana', () => {
  it('names each role to Prometheus, at the port of metrics', () => {
    type Scrapes = { scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[] }
    const [scrape] = (parse(read('infra/prometheus/compose.yml')) as Scrapes).scrape_configs
    const roles = servicesOf(BASE).filter(({ build }) => build)
    expect(scrape?.dns_sd_configs[0]).toMatchObject({ names: roles.map(({ name }) => name), port: PORTS.metrics })
  })

  it('names each process of the host network to Prometheus', () => {
    const { services } = load('infra/docker/host-network.yml')
    type Scrapes = { scrape_configs: { static_configs: { targets: string[] }[] }[] }
    const [scrape] = (parse(read('infra/prometheus/host-network.yml')) as Scrapes).scrape_configs
    const targets = ['udp', 'http', 'api', 'sweeper'].flatMap((role) => {
      const { environment = {} } = services[role] ?? {}
      const [{ address = '', port = 0 } = {}] = parseListens(environment.REDSWARM_METRICS_LISTEN ?? '') ?? []
      const count =
        role === 'udp' || role === 'http' ? Number(environment[`REDSWARM_${role.toUpperCase()}_PROCESSES`]) : 1
      // Several processes have the ports after it.
      return Array.from({ length: count }, (_, i) => `${address}:${port + (count > 1 ? i + 1 : 0)}`)
    })
    expect(scrape?.static_configs[0]?.targets).toEqual(targets.sort())
  })

  it('leads Grafana to Prometheus, and to the board that shows it', () => {
    type Sources = { datasources: { type: string; url: string; isDefault: boolean }[] }
    type Boards = { providers: { type: string; options: { path: string } }[] }
    type Board = { uid: string; templating: { list: { name: string; type: string; query: string }[] } }
    const folder = 'infra/grafana/provisioning'
    const [source] = (parse(read(`${folder}/datasources/prometheus.yml`)) as Sources).datasources
    const [provider] = (parse(read(`${folder}/dashboards/redswarm.yml`)) as Boards).providers
    const { volumes = [], networks } = base.services.grafana ?? {}
    expect(source).toMatchObject({ type: 'prometheus', url: 'http://prometheus:9090', isDefault: true })
    expect(base.services.prometheus?.networks).toContain(String(networks))
    expect(volumes).toContain(`./${folder}:/etc/grafana/provisioning:ro`)
    expect(volumes).toContain(`./infra/grafana/redswarm.json:${provider?.options.path}/redswarm.json:ro`)
    // The variable that all panels name takes the default source of its type where none was chosen.
    const [variable] = (JSON.parse(read('infra/grafana/redswarm.json')) as Board).templating.list
    expect(variable).toMatchObject({ name: 'datasource', type: 'datasource', query: source?.type, current: {} })
  })
})

describe('docs/deployment/compose.md', () => {
  it('tells of each variable of the files, with its default', () => {
    const page = read('docs/deployment/compose.md')
    const variables = FILES.flatMap((path) =>
      Array.from(read(path).matchAll(VARIABLE), ([, name = '', value = '']) => ({ name, value })),
    )
    const untold = variables.filter(
      ({ name, value }) => !page.includes(`\`${name}\``) || !page.includes(`\`${value}\``),
    )
    expect([...new Set(untold.map(({ name, value }) => `${name}: ${value}`))]).toEqual([])
  })
})
