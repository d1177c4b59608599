import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { killAtExit } from './at-exit.ts'
import { missingProgram } from './balancer.ts'

/** Network namespaces in a row, each joined to the next: machines that know nothing of this one's network. */
export type Namespaces = {
  /** Runs a program in one of them to its end, and answers what it printed. */
  run: (space: string, command: string, ...args: string[]) => string
  /** Starts a program in one of them. */
  start: (space: string, command: string, args: string[], env?: Record<string, string>) => ChildProcess
  remove: () => void
}

/** Why there can be no namespaces with nftables here. */
export function missingNamespaces(): string | undefined {
  const missing = missingProgram('nft', 'nftables') ?? missingProgram('ip', 'iproute2')
  if (missing) return missing
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const name = `rs-${process.pid}-try`
  const { status } = spawnSync('ip', ['netns', 'add', name], { stdio: 'ignore' })
  const nft = spawnSync('ip', ['netns', 'exec', name, 'nft', 'list', 'ruleset'], { stdio: 'ignore' })
  spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
  return status === 0 && nft.status === 0 ? undefined : 'this machine lets nobody make network namespaces with nftables'
}

/** Makes namespaces of these names, with these addresses at the joint of each two: those of the left, those of the right. */
export function makeNamespaces(names: string[], joints: [left: string[], right: string[]][]): Namespaces {
  const full = (name: string) => `rs-${process.pid}-${name}`
  const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' })
  const run = (space: string, command: string, ...args: string[]) =>
    execFileSync('ip', ['netns', 'exec', full(space), command, ...args], { encoding: 'utf8', stdio: 'pipe' })
  const remove = () => {
    for (const name of names) spawnSync('ip', ['netns', 'del', full(name)], { stdio: 'ignore' })
  }
  process.once('exit', remove)
  for (const name of names) {
    ip('netns', 'add', full(name))
    run(name, 'ip', 'link', 'set', 'lo', 'up')
  }
  for (const [i, addresses] of joints.entries()) {
    const ends = [`rs${process.pid}l${i}`, `rs${process.pid}r${i}`] as const
    ip('link', 'add', ends[0], 'type', 'veth', 'peer', 'name', ends[1])
    for (const side of [0, 1] as const) {
      const name = names[i + side] as string
      ip('link', 'set', ends[side], 'netns', full(name))
      run(name, 'ip', 'link', 'set', ends[side], 'up')
      const nodad = (address: string) => (address.includes(':') ? ['nodad'] : [])
      for (const address of addresses[side])
        run(name, 'ip', 'addr', 'add', address, 'dev', ends[side], ...nodad(address))
    }
  }
  return {
    run,
    start(space, command, args, env = {}) {
      const child = spawn('ip', ['netns', 'exec', full(space), command, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH, ...env },
      })
      killAtExit(child)
      return child
    },
    remove() {
      remove()
      process.off('exit', remove)
    },
  }
}
