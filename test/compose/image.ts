import { readFileSync } from 'node:fs'
import { docker, inspect, must } from './engine.ts'
import type { Report } from './report.ts'
import { expect, type Scene, until } from './scene.ts'

const SIZE_MB_MAX = 250
const START_S_MAX = 1
const STARTS = 5
const TICKS_PER_S = 100
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

/** Builds the image, and looks at it. */
export async function buildImage(report: Report, image: string): Promise<boolean> {
  const isBuilt = await report.step('image', async () => {
    await must('docker', ['build', '-q', '-t', image, '-f', 'infra/docker/Dockerfile', '.'], { DOCKER_BUILDKIT: '1' })
    const [bytes, architecture] = (await docker('image', 'inspect', '-f', '{{.Size}} {{.Architecture}}', image)).split(
      ' ',
    )
    const mb = Number(bytes) / 1e6
    expect(mb < SIZE_MB_MAX, `${mb.toFixed(0)} MB, more than ${SIZE_MB_MAX}`)
    return `${mb.toFixed(0)} MB (limit ${SIZE_MB_MAX}), ${architecture}`
  })
  if (!isBuilt) return false
  return report.step('image --version', async () => {
    const told = await docker('run', '--rm', '--network', 'none', image, '--version')
    expect(told === version, `says ${told}, is ${version}`)
    return told
  })
}

/**
 * Starts one more UDP frontend several times: from its process to its first "ready", and the engine's share before that. The
 * fastest counts: the others tell what else the machine had to do.
 */
export async function startTime({ project, image }: Scene): Promise<string> {
  const times: { readyS: number; engineS: number; cpuS: number }[] = []
  for (let i = 0; i < STARTS; i++) {
    const name = `${project.name}-start-${i}`
    const network = `${project.name}_inner`
    const url = 'REDSWARM_REDIS_URL=redis://redis:6379'
    const fromMs = Date.now()
    await docker('run', '-d', '--rm', '--read-only', '--name', name, '--network', network, '-e', url, image, 'udp')
    const [container] = await inspect(name)
    const address = container?.NetworkSettings.Networks[network]?.IPAddress
    await until('ready', async () => (await fetch(`http://${address}:9464/health/ready`)).ok, 30)
    const readyMs = Date.now()
    const startedMs = Date.parse(container?.State.StartedAt ?? '')
    const [user = 0, system = 0] = readFileSync(`/proc/${container?.State.Pid}/stat`, 'utf8')
      .replace(/.*\) /, '')
      .split(' ')
      .slice(11, 13)
      .map(Number)
    times.push({
      readyS: (readyMs - startedMs) / 1000,
      engineS: (startedMs - fromMs) / 1000,
      cpuS: (user + system) / TICKS_PER_S,
    })
    await docker('stop', '-t', '10', name)
  }
  const [best = { readyS: Number.NaN, engineS: 0, cpuS: 0 }] = times.sort((a, b) => a.readyS - b.readyS)
  const { readyS, engineS, cpuS } = best
  const text = `ready ${readyS.toFixed(2)} s after its process began (limit ${START_S_MAX}), with ${cpuS.toFixed(2)} s of CPU; the engine took ${engineS.toFixed(2)} s before; fastest of ${STARTS}`
  expect(readyS < START_S_MAX, text)
  return text
}
