import { type Container, docker, type Project, run } from './engine.ts'
import { expect } from './scene.ts'

const STOP_S_MAX = 10
const NO_CAPABILITIES = /^CapEff:\t0+$/m
const NO_ROOT = /^Uid:\t([1-9]\d*)\t[1-9]/m
const NO_NEW_PRIVILEGES = /^NoNewPrivs:\t1$/m

/** Checks each container of a project: what was asked of the engine, and what its process has. */
export async function checkContainers(project: Project): Promise<string> {
  const all = await project.all()
  const wrong = (await Promise.all(all.map(faultsOf))).flat()
  expect(wrong.length === 0, wrong.join('; '))
  return `${all.length} containers: none is root, writes its root file system, has a capability or may gain one; each has limits, a health check, bounded logs`
}

async function faultsOf({ Name, State, HostConfig, Config }: Container): Promise<string[]> {
  const status = await run('cat', [`/proc/${State.Pid}/status`])
  const rules: [fault: string, holds: boolean][] = [
    ['runs as root', NO_ROOT.test(status.stdout)],
    ['has capabilities', NO_CAPABILITIES.test(status.stdout) && HostConfig.CapAdd === null && !HostConfig.Privileged],
    ['may gain privileges', NO_NEW_PRIVILEGES.test(status.stdout)],
    ['writes its root file system', HostConfig.ReadonlyRootfs],
    ['has no limit of memory', HostConfig.Memory > 0],
    ['has no limit of cores', HostConfig.NanoCpus > 0],
    ['has no health check', (Config.Healthcheck?.Test ?? ['NONE'])[0] !== 'NONE'],
    ['logs without a bound', HostConfig.LogConfig.Config['max-size'] !== undefined],
    ['is not started again', HostConfig.RestartPolicy.Name === 'unless-stopped'],
  ]
  return rules.filter(([, holds]) => !holds).map(([fault]) => `${Name.slice(1)} ${fault}`)
}

/** Stops each container, one after the other, the frontends first and Redis last; tells how long each took. */
export async function stopEach(project: Project): Promise<string> {
  const order = ['nginx', 'udp', 'http', 'api', 'sweeper', 'prometheus', 'grafana']
  const serviceOf = ({ Config }: Container) => Config.Labels['com.docker.compose.service'] ?? ''
  const rank = (container: Container) => (order.indexOf(serviceOf(container)) + order.length + 1) % (order.length + 1)
  const all = (await project.all()).sort((a, b) => rank(a) - rank(b))
  const took: { name: string; seconds: number; code: number }[] = []
  for (const container of all) {
    const fromMs = performance.now()
    await docker('stop', '-t', '20', container.Name)
    const code = Number(await docker('inspect', '-f', '{{.State.ExitCode}}', container.Name))
    took.push({
      name: container.Name.slice(project.name.length + 2),
      seconds: (performance.now() - fromMs) / 1000,
      code,
    })
  }
  const bad = took.filter(({ seconds, code }) => seconds > STOP_S_MAX || code !== 0)
  const shown = took.map(
    ({ name, seconds, code }) => `${name} ${seconds.toFixed(1)} s${code === 0 ? '' : ` (exit ${code})`}`,
  )
  expect(bad.length === 0, shown.join(', '))
  return shown.join(', ')
}
