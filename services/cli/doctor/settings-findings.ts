import { isIP } from 'node:net'
import { parseRedisUrl } from '../../../lib/config/redis-url.ts'
import type { Settings } from '../../../lib/config/settings.ts'
import { shown } from '../../../lib/observe/table.ts'
import { makePasskeyStore } from '../../../lib/store/passkeys.ts'
import { makeWhitelist } from '../../../lib/store/whitelist.ts'
import type { Target } from '../redis.ts'
import type { Finding } from './finding.ts'

/** Settings that are each right, and do not fit together or to what is in Redis. Those of this shell are looked at. */
export async function settingsFindings(target: Target, cores: number): Promise<Finding[]> {
  const { settings } = target
  const found = [
    ...accountsFinding(settings),
    ...processesFinding(settings, cores),
    ...redisFinding(settings),
    ...(settings.listed ? await listedFinding(target) : []),
    ...(settings.isPrivate ? await privateFinding(target) : []),
  ]
  return found.length > 0 ? found : [{ severity: 'fine', about: 'settings', found: 'those of this shell fit together' }]
}

const warning = (found: string, todo: string): Finding => ({ severity: 'warning', about: 'settings', found, todo })

const accountsFinding = ({ isPrivate, peerDetails }: Settings): Finding[] =>
  isPrivate && !peerDetails
    ? [
        warning(
          'REDSWARM_PRIVATE without REDSWARM_PEER_DETAILS: what each key moves is not counted',
          'set REDSWARM_PEER_DETAILS=true',
        ),
      ]
    : []

function processesFinding({ udpProcesses, httpProcesses }: Settings, cores: number): Finding[] {
  const processes = Math.max(udpProcesses, httpProcesses)
  if (processes <= cores) return []
  const found = `${shown(processes)} processes of one role, on ${shown(cores)} cores`
  return [warning(found, 'more processes than cores serve no more: REDSWARM_UDP_PROCESSES, REDSWARM_HTTP_PROCESSES')]
}

/** A password that goes over a network in the clear. */
function redisFinding({ redisUrl }: Settings): Finding[] {
  if (redisUrl === undefined) return []
  const { hosts, options } = parseRedisUrl(redisUrl)
  const isSecret = options.password !== undefined || options.sentinelPassword !== undefined
  if (options.tls || !isSecret || hosts.every(({ host }) => isLoopback(host))) return []
  const found = 'REDSWARM_REDIS_URL is redis:// with a password, to another machine'
  return [warning(found, 'use rediss://, unless that network is your own')]
}

/** Whether a host, as a URL has it, is this machine. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1')
  return (
    address === '' ||
    address === 'localhost' ||
    address === '::1' ||
    (isIP(address) === 4 && address.startsWith('127.'))
  )
}

async function listedFinding(target: Target): Promise<Finding[]> {
  for await (const hexes of makeWhitelist(target).scan()) if (hexes.length > 0) return []
  return [warning('REDSWARM_LISTED, and nothing is listed: every announce is refused', '`redswarm whitelist add HASH`')]
}

async function privateFinding(target: Target): Promise<Finding[]> {
  for await (const keys of makePasskeyStore(target).scan()) if (keys.length > 0) return []
  return [warning('REDSWARM_PRIVATE, and there is no key: every announce is refused', '`redswarm keys add`')]
}
