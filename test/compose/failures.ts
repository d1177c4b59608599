import { readSwarm } from '../support/read-swarm.ts'
import { docker, run } from './engine.ts'
import {
  expect,
  loadUdp,
  type Probe,
  probedHash,
  probing,
  type Scene,
  servedAgainAfterS,
  sleep,
  until,
  withRedis,
} from './scene.ts'

const RATE = 400
const LOAD_S = 10
/** Until its name is forgotten, a frontend that is killed is sent its half. */
const LOST_S_MAX = 3

/** One of two UDP frontends is killed in the middle of a load. */
export async function killFrontend(scene: Scene): Promise<string> {
  const { lost, responses, errors, wrong } = await loadUdp(scene, { rate: RATE, seconds: LOAD_S }, async () => {
    await sleep(LOAD_S * 200)
    await docker('kill', (await scene.project.of('udp'))[0]?.Name ?? '')
  })
  const text = `${lost} of ${responses + lost} lost at ${RATE} requests/s (its half of ${(lost / (RATE / 2)).toFixed(1)} s), ${errors} errors, ${wrong} wrong`
  expect(lost < (RATE / 2) * LOST_S_MAX && errors === 0 && wrong === 0, text)
  const fromMs = performance.now()
  await scene.project.up(['udp'], '--no-recreate')
  return `${text}; started again, and healthy after ${((performance.now() - fromMs) / 1000).toFixed(1)} s`
}

const HUNG_S = 3

/** A frontend hangs: its share of the time until nginx takes it out is lost, and now and then a datagram that looks for it. */
export async function hangFrontend(scene: Scene): Promise<string> {
  const { lost, responses } = await loadUdp(scene, { rate: RATE, seconds: LOAD_S }, async () => {
    await sleep(LOAD_S * 200)
    const name = (await scene.project.of('udp'))[0]?.Name ?? ''
    await docker('pause', name)
    await sleep(HUNG_S * 1000)
    await docker('unpause', name)
  })
  const text = `${lost} of ${responses + lost} lost at ${RATE} requests/s while one of two hung for ${HUNG_S} s (its half of ${(lost / (RATE / 2)).toFixed(1)} s)`
  expect(lost < (RATE / 2) * (HUNG_S - 0.5), text)
  return text
}

const PROBES_PER_S = 100
const TORRENTS = 8
/** What Redis had not written to its file when it was killed. */
const LOST_MS_MAX = 1000

/** Redis is killed, as a crash would: it comes back by itself, and has all that was there a second before. */
export async function killRedis(scene: Scene): Promise<string> {
  let killedMs = 0
  const probes = await probing(scene, { rate: PROBES_PER_S, torrents: TORRENTS }, async (soFar) => {
    await sleep(4000)
    const [redis] = await scene.project.of('redis')
    killedMs = Date.now()
    // Of this machine, not of the engine, which would take it for a stop that was wanted.
    await run('kill', ['-9', String(redis?.State.Pid)])
    await until(
      'announces are answered again',
      async () => soFar.some(({ sentMs, problem }) => sentMs > killedMs + 100 && !problem),
      30,
    )
    await sleep(1000)
  })
  const again = servedAgainAfterS(probes, killedMs, TORRENTS)
  const missing = await missingOf(scene, probes)
  const oldestMs = Math.max(0, ...missing.map(({ answeredMs }) => killedMs - answeredMs))
  const silent = probes.filter(({ problem }) => problem === 'no reply came').length
  const refused = probes.filter(({ problem }) => problem !== undefined).length - silent
  const text = `${probes.length} announces of new peers, service back after ${again.toFixed(1)} s; ${refused} were refused, ${silent} not answered; of those answered ${missing.length} are gone, the oldest ${oldestMs} ms before the kill`
  expect(
    missing.every(({ answeredMs }) => killedMs - answeredMs < LOST_MS_MAX && answeredMs <= killedMs + 50),
    text,
  )
  return text
}

/** Peers whose announces were answered and which Redis does not have. */
async function missingOf(scene: Scene, probes: readonly Probe[]): Promise<Probe[]> {
  const held = new Set<string>()
  await withRedis(scene, async (redis) => {
    for (let torrent = 0; torrent < TORRENTS; torrent++) {
      const swarm = await readSwarm(redis, probedHash(torrent).toString('hex'))
      for (const endpoint of swarm?.peers.keys() ?? [])
        held.add(`${torrent} ${Number.parseInt(endpoint.slice(-4), 16)}`)
    }
  })
  return probes.filter(({ torrent, port, problem }) => !problem && !held.has(`${torrent} ${port}`))
}
