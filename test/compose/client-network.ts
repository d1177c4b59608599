import { spawnSync } from 'node:child_process'
import { docker, must } from './engine.ts'

/** Clients in network namespaces of their own, which reach this machine and one another, and nothing else. */
export type ClientNetwork = {
  /** This machine, as they see it. */
  host: string
  host6: string
  clients: readonly [Place, Place]
  remove: () => void
}

/** Where a client is: its addresses, and the words before its command. */
export type Place = { address: string; address6: string; within: readonly string[] }

/** Names of interfaces have 15 characters at most. */
const prefix = `rc${process.pid % 100_000}`
const names = { switch: `${prefix}-sw`, clients: [`${prefix}-a`, `${prefix}-b`], host: `${prefix}-h` }

const ip = (...args: string[]): Promise<string> => must('ip', args)

/**
 * Makes it, of veth pairs and a bridge; needs root. The bridge is in a namespace too: on this machine's own one Docker's rules
 * would drop what passes between the clients.
 */
export async function makeClientNetwork(): Promise<ClientNetwork> {
  const net = await freeNetwork()
  const at = (n: number) => ({ address: `10.77.${net}.${n}`, address6: `fd77:${net}::${n}` })
  process.once('exit', remove)
  for (const name of [names.switch, ...names.clients]) {
    await ip('netns', 'add', name)
    await ip('-n', name, 'link', 'set', 'lo', 'up')
  }
  const inSwitch = (...args: string[]) => ip('-n', names.switch, ...args)
  await inSwitch('link', 'add', 'bridge', 'type', 'bridge')
  await inSwitch('link', 'set', 'bridge', 'up')
  const plug = async (port: string): Promise<void> => {
    await inSwitch('link', 'set', port, 'master', 'bridge')
    await inSwitch('link', 'set', port, 'up')
  }
  await ip('link', 'add', names.host, 'type', 'veth', 'peer', 'name', 'host', 'netns', names.switch)
  await plug('host')
  await settle([], names.host, at(1))
  for (const [i, name] of names.clients.entries()) {
    await ip('-n', name, 'link', 'add', 'tracker', 'type', 'veth', 'peer', 'name', `client${i}`, 'netns', names.switch)
    await plug(`client${i}`)
    await settle(['-n', name], 'tracker', at(2 + i))
  }
  const places = names.clients.map((name, i) => ({ ...at(2 + i), within: ['nsenter', `--net=/run/netns/${name}`] }))
  return { host: at(1).address, host6: at(1).address6, clients: places as unknown as [Place, Place], remove }
}

async function settle(where: string[], device: string, { address, address6 }: Omit<Place, 'within'>): Promise<void> {
  await ip(...where, 'addr', 'add', `${address}/24`, 'dev', device)
  await ip(...where, 'addr', 'add', `${address6}/64`, 'dev', device, 'nodad')
  await ip(...where, 'link', 'set', device, 'up')
}

function remove(): void {
  for (const name of [names.switch, ...names.clients]) spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
}

/** A third byte of 10.77.x.0 that no route of this machine has. */
async function freeNetwork(): Promise<number> {
  const routes = await ip('route', 'show', 'table', 'all')
  const free = Array.from({ length: 200 }, (_, i) => 20 + ((process.pid + i) % 200)).find(
    (n) => !routes.includes(`10.77.${n}.`),
  )
  if (free === undefined) throw new Error('all of 10.77.0.0/16 is in use here')
  return free
}

/** A second byte-pair for the networks of a project, which no network of the engine has. */
export async function freeSubnets(): Promise<{ front: string; front6: string; inner: string }> {
  const ids = (await docker('network', 'ls', '-q')).split('\n').filter(Boolean)
  const used = await docker('network', 'inspect', '-f', '{{range .IPAM.Config}}{{.Subnet}} {{end}}', ...ids)
  const pairs = Array.from({ length: 60 }, (_, i) => 100 + 2 * ((process.pid + i) % 60))
  const free = pairs.find((n) => !used.includes(`10.69.${n}.`))
  if (free === undefined) throw new Error('all of 10.69.100.0 to 10.69.219.0 is in use here')
  return { front: `10.69.${free}.0/24`, front6: `fd69:69:${free}::/64`, inner: `10.69.${free + 1}` }
}
