import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IDeployment } from 'kubernetes-models/apps/v1'
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IConfigMap, ISecret, IService } from 'kubernetes-models/v1'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadSettings } from '../../lib/config/settings.ts'
import { MASTER_MS_MAX } from '../../services/compose.ts'
import { ROLES, type Role } from '../../services/roles.ts'
import { call } from '../support/api.ts'
import { type Manifest, manifestsIn, manifestsOf, wrongFields, wrongValues } from '../support/manifests.ts'
import { useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const FOLDER = 'infra/kubernetes'
/** How long a process takes to end at most. */
const END_S = 10

const tracker = manifestsOf(FOLDER)
const all = [...tracker, ...manifestsOf(`${FOLDER}/redis`)]
const ofKind = <T extends { kind: string }>(kind: T['kind'], among: readonly Manifest[] = tracker) =>
  among.filter((manifest) => manifest.kind === kind) as unknown as (T & Manifest)[]
const deployments = ofKind<IDeployment>('Deployment')
const podOf = (deployment: IDeployment) => deployment.spec?.template.spec
const containerOf = (deployment: IDeployment) => podOf(deployment)?.containers?.[0]
const probesOf = (deployment: IDeployment) => {
  const { startupProbe, livenessProbe, readinessProbe } = containerOf(deployment) ?? {}
  return [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet)
}

const dockerfile = read('infra/docker/Dockerfile')
const imageSettings = Object.fromEntries(
  [...dockerfile.matchAll(/\b(REDSWARM_[A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name, value]),
)
const settings = {
  ...imageSettings,
  ...ofKind<IConfigMap>('ConfigMap')[0]?.data,
  ...ofKind<ISecret>('Secret')[0]?.stringData,
}

/** What Kubernetes puts into the environment of pods for a Service, where nothing keeps it from that. */
function linksOf({ metadata, spec }: IService & Manifest): Record<string, string> {
  const name = metadata.name.toUpperCase().replaceAll('-', '_')
  const host = '10.96.0.10'
  const links: Record<string, string> = { [`${name}_SERVICE_HOST`]: host }
  for (const { name: portName = '', port, protocol = 'TCP' } of spec?.ports ?? []) {
    const url = `${protocol.toLowerCase()}://${host}:${port}`
    const one = `${name}_PORT_${port}_${protocol}`
    links[`${name}_SERVICE_PORT`] ??= String(port)
    links[`${name}_SERVICE_PORT_${portName.toUpperCase()}`] = String(port)
    links[`${name}_PORT`] ??= url
    Object.assign(links, { [one]: url, [`${one}_PROTO`]: protocol.toLowerCase(), [`${one}_PORT`]: String(port) })
    links[`${one}_ADDR`] = host
  }
  return links
}

describe('the manifests for Kubernetes', () => {
  const server = useRedis()

  it('have the values that its schemas allow, and no field that it does not have', async () => {
    expect(all.length).toBeGreaterThan(20)
    expect(await wrongValues(all)).toEqual([])
    expect(await wrongFields(all)).toEqual([])
  })

  it('would be refused with a wrong value, and with a field that is spelled wrong', async () => {
    const [udp] = structuredClone(deployments)
    Object.assign(podOf(udp as IDeployment) ?? {}, { terminationGracePeriodSeconds: 'soon' })
    expect(await wrongValues([udp as Manifest])).toEqual([expect.stringContaining('must be integer')])
    const [http] = structuredClone(deployments)
    Object.assign(podOf(http as IDeployment) ?? {}, { enableServiceLink: false })
    expect(await wrongFields([http as Manifest])).toEqual([expect.stringContaining('"enableServiceLink"')])
  })

  it('are all in the kustomization, but for the secret, with the version of the program', () => {
    const kustomization = parse(read(`${FOLDER}/kustomization.yaml`))
    const files = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith('.yaml'))
    const without = ['kustomization.yaml', 'secret.example.yaml', 'secret.yaml']
    expect(kustomization.resources.toSorted()).toEqual(files.filter((name) => !without.includes(name)).sort())
    expect(kustomization.images[0].newTag).toBe(JSON.parse(read('package.json')).version)
  })

  it('are built by kubectl, where it is installed', async ({ skip }) => {
    const build = (path: string) => spawnSync('kubectl', ['kustomize', path], { cwd: ROOT, encoding: 'utf8' })
    if (build('--help').error) return skip('kubectl is not installed')
    const built = [FOLDER, `${FOLDER}/redis`].flatMap((path) => {
      const { stdout, stderr } = build(path)
      expect(stderr).toBe('')
      return manifestsIn(stdout)
    })
    expect(built).toHaveLength(all.length - 1)
    expect(await wrongValues(built)).toEqual([])
    const placed = built.filter(({ kind }) => kind !== 'Namespace')
    expect(placed.filter(({ metadata }) => metadata.namespace !== 'redswarm')).toEqual([])
  })

  it('run each role by its name, at its ports, as the user of the image', () => {
    expect(deployments.map((each) => containerOf(each)?.args?.[0]).sort()).toEqual([...ROLES].sort())
    const loaded = loadSettings(settings, false)
    const portsOf = {
      udp: loaded.udpListens,
      http: loaded.httpListens,
      api: [...loaded.apiListens, ...loaded.healthListens],
      sweeper: [],
    }
    const [, user] = /^USER (\d+):/m.exec(dockerfile) ?? []
    for (const deployment of deployments) {
      const { args = [], ports = [], securityContext } = containerOf(deployment) ?? {}
      const listens = [...portsOf[args[0] as Role], ...loaded.metricsListens].map(({ port }) => port)
      expect(ports.map(({ containerPort }) => containerPort)).toEqual([...new Set(listens)])
      expect(podOf(deployment)).toMatchObject({
        enableServiceLinks: false,
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: Number(user), seccompProfile: { type: 'RuntimeDefault' } },
      })
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
    }
  })

  it('give a pod the time to wait for a master of a Cluster, to be left by clients, and to end', () => {
    for (const deployment of deployments) {
      const { periodSeconds = 0, failureThreshold = 0 } = containerOf(deployment)?.startupProbe ?? {}
      expect(1000 * periodSeconds * failureThreshold).toBeGreaterThan(MASTER_MS_MAX)
      const { seconds = 0 } = containerOf(deployment)?.lifecycle?.preStop?.sleep ?? {}
      expect(podOf(deployment)?.terminationGracePeriodSeconds).toBe(seconds + END_S)
    }
  })

  it('name pods, ports and deployments that there are', () => {
    const labels = deployments.map((each) => each.spec?.template.metadata?.labels ?? {})
    const matches = (wanted: Record<string, string> = {}) =>
      deployments.filter((_, i) => Object.entries(wanted).every(([name, value]) => labels[i]?.[name] === value))
    const portNames = (wanted?: Record<string, string>) =>
      matches(wanted).flatMap((each) => containerOf(each)?.ports?.map(({ name }) => name) ?? [])
    for (const each of deployments) expect(matches(each.spec?.selector.matchLabels)).toEqual([each])
    for (const { spec } of ofKind<IService>('Service')) {
      expect(matches(spec?.selector)).toHaveLength(1)
      for (const { targetPort } of spec?.ports ?? []) expect(portNames(spec?.selector)).toContain(targetPort)
      if (spec?.type === 'LoadBalancer') expect(spec.externalTrafficPolicy).toBe('Local')
    }
    for (const { spec } of ofKind<INetworkPolicy>('NetworkPolicy')) {
      const named = spec?.ingress?.flatMap(({ ports = [] }) => ports.map(({ port }) => port)) ?? []
      for (const port of named) expect(portNames(spec?.podSelector?.matchLabels)).toContain(port)
    }
    const names = deployments.map(({ metadata }) => metadata.name)
    for (const { spec } of ofKind<IHorizontalPodAutoscaler>('HorizontalPodAutoscaler'))
      expect(names).toContain(spec?.scaleTargetRef.name)
  })

  it('would start the program with the environment of links to their Services, too', () => {
    const links = Object.assign({}, ...ofKind<IService>('Service', all).map(linksOf))
    expect(Object.keys(links)).toContain('REDSWARM_UDP_PORT_6969_UDP_ADDR')
    expect(loadSettings({ ...settings, ...links }, false)).toEqual(loadSettings(settings, false))
  })

  it('ask paths and scale by a metric that the program has', () =>
    withTracker(server().url, { roles: ['udp', 'http'] }, async ({ metricsUrl }) => {
      for (const probe of deployments.flatMap(probesOf)) {
        expect(probe?.port).toBe('metrics')
        expect((await fetch(`${metricsUrl}${probe?.path}`)).status).toBe(200)
      }
      const { rules } = parse(read(`${FOLDER}/prometheus/adapter.yml`))
      const [, series, labels] = /^(\w+)\{(kind="\w+"),/.exec(rules[0].seriesQuery) ?? []
      const { text } = await call(`${metricsUrl}/metrics`, { token: '' })
      expect(text).toMatch(new RegExp(`^${series}\\{.*${labels}`, 'm'))
      expect(rules[0].metricsQuery).toContain(`{${labels},`)
      const scaledBy = ofKind<IHorizontalPodAutoscaler>('HorizontalPodAutoscaler').map(
        ({ spec }) => spec?.metrics?.[0]?.pods?.metric.name,
      )
      expect(scaledBy).toEqual([rules[0].name.as, rules[0].name.as])
    }))

  it('are scraped by the label and the port that all pods have', () => {
    const [{ relabel_configs }] = parse(read(`${FOLDER}/prometheus/scrape.yml`)).scrape_configs
    const kept = relabel_configs.find(({ action }: { action?: string }) => action === 'keep').regex
    for (const deployment of deployments) {
      const label = deployment.spec?.template.metadata?.labels?.['app.kubernetes.io/name']
      expect(`${label};${containerOf(deployment)?.ports?.at(-1)?.name}`).toBe(kept)
    }
  })
})
