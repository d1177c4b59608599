// The stack of docker-compose.yml and each override file, for real: npm run test:compose. Exits 77 where there is no engine.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { exitOnSignals } from '../support/at-exit.ts'
import { freePort } from '../support/free-port.ts'
import { freeSubnets, makeClientNetwork } from './client-network.ts'
import { checkContainers, stopEach } from './containers.ts'
import { docker, hasImage, makeProject, missing } from './engine.ts'
import { hangFrontend, killFrontend, killRedis } from './failures.ts'
import { buildImage, startTime } from './image.ts'
import { tryOverrides } from './overrides.ts'
import { makeReport, tableOf } from './report.ts'
import { expect, type Scene } from './scene.ts'
import { download, garbage, hiddenClients, ipv6, logs, scale, scraped } from './stack.ts'

/** What test runners take for "skipped". */
const EXIT_NOT_RUN = 77

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    'no-pull': { type: 'boolean', default: false },
    /** Parts, with commas between: stack, and the override files. */
    only: { type: 'string', default: 'stack,cluster,sentinel,tls,host-network' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run test:compose -- [--only PART,…] [--no-pull] [--json]

Builds the image, brings the containers of docker-compose.yml up under a name and ports of its own, moves a file through them by real
clients, kills and stops what is in them, and brings each override file up and down. It needs root and a Docker engine on this machine,
and ends with ${EXIT_NOT_RUN} where one is missing.

  --only PART,…   of stack, cluster, sentinel, tls, host-network
  --no-pull       no image is asked of a registry; what is missing is not run
  --json          the steps as JSON

  npm run test:compose
  npm run test:compose -- --only stack,tls`)
  process.exit(0)
}
const why = await missing()
if (why) {
  console.log(`not run: ${why}`)
  process.exit(EXIT_NOT_RUN)
}
exitOnSignals()
const parts = values.only.split(',')
const report = makeReport((line) => console[values.json ? 'error' : 'log'](line))
const name = `redswarm-test-${process.pid}`
const image = `redswarm:test-${process.pid}`
const subnets = await freeSubnets()
const ports = { udp: await freePort(), http: await freePort(), api: await freePort(), https: await freePort() }
const prometheusPort = await freePort()
const settings = {
  TRACKER_IMAGE: image,
  FRONT_SUBNET: subnets.front,
  FRONT_SUBNET6: subnets.front6,
  INNER_SUBNET: subnets.inner,
  UDP_PORT: String(ports.udp),
  HTTP_PORT: String(ports.http),
  API_PORT: `127.0.0.1:${ports.api}`,
  PROMETHEUS_PORT: `127.0.0.1:${prometheusPort}`,
}
const project = makeProject(name, settings, [])
const versions = await docker('version', '--format', '{{.Server.Version}}')
const compose = await docker('compose', 'version', '--short')

// Last, when no container needs it any more.
process.once('exit', () => spawnSync('docker', ['image', 'rm', '-f', image], { stdio: 'ignore' }))
if (await buildImage(report, image)) {
  const scene: Scene = { project, network: await makeClientNetwork(), ports, image }
  if (parts.includes('stack')) await tryStack(scene)
  await tryOverrides(report, scene, { settings, parts })
}
const result = { engine: versions, compose, steps: report.steps, notRun: report.left }
if (values.json) console.log(JSON.stringify(result))
else {
  console.log(`\nDocker ${versions}, Compose ${compose}\n`)
  console.log(tableOf(report.steps))
  for (const { name, why } of report.left) console.log(`----  ${name}: not run, ${why}`)
}
process.exit(report.steps.every(({ ok }) => ok) ? 0 : 1)

async function tryStack(scene: Scene): Promise<void> {
  const images = JSON.parse(await project.compose('config', '--format', 'json')) as {
    services: Record<string, { image: string }>
  }
  const services: string[] = []
  for (const [service, { image: wanted }] of Object.entries(images.services)) {
    if (wanted === image || (await hasImage(wanted, !values['no-pull']))) services.push(service)
    else report.notRun(service, `the engine has no image ${wanted}`)
  }
  const isUp = await report.step('up', async () => {
    await project.up(services)
    return `${(await project.all()).length} containers, all healthy: ${services.join(', ')}`
  })
  if (isUp) {
    await report.step('containers', () => checkContainers(project))
    await report.step('start', () => startTime(scene))
    await download(report, scene)
    await report.step('clients that are hidden', () => hiddenClients(scene))
    await report.step('client by IPv6', () => ipv6(scene))
    await report.step('garbage', () => garbage(scene))
    if (services.includes('prometheus')) await report.step('Prometheus', () => scraped(prometheusPort))
    await report.step('--scale udp=4', () => scale(scene))
    await report.step('a UDP frontend killed', () => killFrontend(scene))
    await report.step('a UDP frontend hung', () => hangFrontend(scene))
    await report.step('Redis killed', () => killRedis(scene))
    await report.step('logs', () => logs(scene))
    await report.step('stop', () => stopEach(project))
  }
  await report.step('down', async () => {
    const left = await project.down()
    expect(left.length === 0, `left: ${left.join(', ')}`)
    return 'containers, networks and volumes are gone'
  })
}
