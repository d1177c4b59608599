import { spawnSync } from 'node:child_process'
import { missingProgram } from '../support/balancer.ts'

/** Set in a program that runs in a network of its own. */
const MARK = 'REDSWARM_CHAOS_OWN_NETWORK'
const UP = 'ip link set lo up'

/**
 * What it mounts nobody else sees, and it goes with the last process in there, however that ends. Users who are not root become it in
 * a namespace of users, where the system lets them.
 */
const unshare = (): string[] => [
  ...(process.getuid?.() === 0 ? [] : ['--map-root-user']),
  ...['--net', '--mount', '--propagation', 'private'],
]

/**
 * Starts this program anew in namespaces of network and mounts, where it is alone and may cut and mount what it likes; goes on where
 * that cannot be. Nothing of it may run yet.
 */
export function enterOwnNetwork(): void {
  if (process.env[MARK] || missingHere()) return
  const again = [
    'sh',
    '-c',
    `${UP} && exec "$@"`,
    'sh',
    process.execPath,
    ...process.execArgv,
    ...process.argv.slice(1),
  ]
  process.execve?.('/usr/bin/env', ['env', 'unshare', ...unshare(), ...again], { ...process.env, [MARK]: '1' })
}

/** Why packets cannot be dropped here, or undefined. */
export const missingOwnNetwork = (): string | undefined =>
  process.env[MARK] ? undefined : (missingHere() ?? 'this program is not in a network of its own')

function missingHere(): string | undefined {
  const missing =
    missingProgram('unshare', 'util-linux') ?? missingProgram('ip', 'iproute2') ?? missingProgram('nft', 'nftables')
  if (missing) return missing
  const { status } = spawnSync('unshare', [...unshare(), 'sh', '-c', `${UP} && nft list ruleset`], { stdio: 'ignore' })
  return status === 0 ? undefined : 'this system lets nobody make a network namespace with nftables'
}
