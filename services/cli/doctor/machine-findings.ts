import { readdirSync, readFileSync } from 'node:fs'
import { shown } from '../../../lib/observe/table.ts'
import { isOlder } from '../../../lib/store/check-server.ts'
import { SOCKET_BUFFER_BYTES } from '../../../lib/udp/socket.ts'
import { type Finding, foundIf } from './finding.ts'

/** What Node asks for where nobody says how many connections may wait to be taken. */
const BACKLOG = 511
/** An HTTP frontend has a file for each connection of a client. */
const FILES_MIN = 4096
const FILES_SHARE_MAX = 0.8
const NODE_LEAST = '24'

/** Where the settings of the system are: another folder than `/` in tests. */
export type Machine = { root: string; nodeVersion: string }

/** What is wrong with this machine for frontends, and for a Redis where one runs here; undefined: nobody knows. */
export function machineFindings(
  machine: Machine,
  { hasRedis, pids }: { hasRedis: boolean | undefined; pids: readonly number[] },
): Finding[] {
  return [
    nodeFinding(machine),
    ...bufferFindings(machine),
    backlogFinding(machine),
    ...fileFindings(machine, pids),
    ...(hasRedis ? [hugePagesFinding(machine), overcommitFinding(machine)] : []),
    ...(hasRedis === false ? [REDIS_ELSEWHERE] : []),
  ]
}

const REDIS_ELSEWHERE: Finding = {
  severity: 'unknown',
  about: "Redis's machine",
  found: 'Redis is on another machine: run this there too, for its huge pages and overcommit_memory',
}

function nodeFinding({ nodeVersion }: Machine): Finding {
  const found = `Node ${nodeVersion} runs this`
  const todo = `install Node ${NODE_LEAST} or later`
  return foundIf(isOlder(nodeVersion, NODE_LEAST), { severity: 'critical', about: 'Node', found, todo }, found)
}

const read = ({ root }: Machine, path: string): string | undefined => {
  try {
    return readFileSync(`${root}${path}`, 'utf8').trim()
  } catch {
    return undefined
  }
}

const notThere = (about: string, path: string): Finding => ({
  severity: 'unknown',
  about,
  found: `this system has no ${path} that can be read`,
})

function bufferFindings(machine: Machine): Finding[] {
  return ['rmem_max', 'wmem_max'].map((name) => {
    const path = `/proc/sys/net/core/${name}`
    const text = read(machine, path)
    if (text === undefined) return notThere('UDP buffers', path)
    const found = `net.core.${name} is ${shown(Number(text))}, and a UDP frontend asks for ${shown(SOCKET_BUFFER_BYTES)}`
    const todo = `\`sysctl -w net.core.${name}=${SOCKET_BUFFER_BYTES}\`, or bursts of datagrams are dropped`
    return foundIf(
      Number(text) < SOCKET_BUFFER_BYTES,
      { severity: 'warning', about: 'UDP buffers', found, todo },
      found,
    )
  })
}

function backlogFinding(machine: Machine): Finding {
  const path = '/proc/sys/net/core/somaxconn'
  const text = read(machine, path)
  if (text === undefined) return notThere('backlog', path)
  const found = `net.core.somaxconn is ${shown(Number(text))}, and an HTTP frontend asks for ${BACKLOG}`
  const todo = '`sysctl -w net.core.somaxconn=4096`, or connections are refused in a burst'
  return foundIf(Number(text) < BACKLOG, { severity: 'warning', about: 'backlog', found, todo }, found)
}

/** Of the tracker's processes on this machine; where there is none, of this one. */
function fileFindings(machine: Machine, pids: readonly number[]): Finding[] {
  const told = pids.flatMap((pid) => openFiles(machine, String(pid)) ?? [])
  const own = openFiles(machine, 'self')
  if (told.length === 0 && !own) return [notThere('open files', '/proc/self/limits')]
  return (told.length > 0 ? told : [own as OpenFiles]).map(({ who, open, most }) => {
    const found = `${who} has ${shown(open)} files open, of ${shown(most)} that it may`
    const isFew = most < FILES_MIN || open / most > FILES_SHARE_MAX
    const todo = 'raise the limit (ulimit -n, LimitNOFILE of systemd): each HTTP connection takes one'
    return foundIf(isFew, { severity: 'warning', about: 'open files', found, todo }, found)
  })
}

type OpenFiles = { who: string; open: number; most: number }

function openFiles(machine: Machine, pid: string): OpenFiles | undefined {
  const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(read(machine, `/proc/${pid}/limits`) ?? '') ?? []
  try {
    const open = readdirSync(`${machine.root}/proc/${pid}/fd`).length
    const who = pid === 'self' ? 'a process that is started here' : `process ${pid}`
    return soft === undefined
      ? undefined
      : { who, open, most: soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft) }
  } catch {
    // It has ended, is in another container, or is another user's.
    return undefined
  }
}

function hugePagesFinding(machine: Machine): Finding {
  const path = '/sys/kernel/mm/transparent_hugepage/enabled'
  const [, mode] = /\[(\w+)\]/.exec(read(machine, path) ?? '') ?? []
  if (mode === undefined) return notThere('huge pages', path)
  const found = `transparent huge pages: ${mode}`
  const todo = `\`echo madvise > ${path}\`: a Redis that saves takes more memory and time with them`
  return foundIf(mode === 'always', { severity: 'warning', about: 'huge pages', found, todo }, found)
}

function overcommitFinding(machine: Machine): Finding {
  const path = '/proc/sys/vm/overcommit_memory'
  const text = read(machine, path)
  if (text === undefined) return notThere('overcommit', path)
  const found = `vm.overcommit_memory is ${text}`
  const todo = '`sysctl -w vm.overcommit_memory=1`: else Redis cannot save where it takes half of the memory'
  return foundIf(text !== '1', { severity: 'warning', about: 'overcommit', found, todo }, found)
}
