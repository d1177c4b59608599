import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { OperatorError } from '../../lib/errors.ts'
import type { Logger } from '../../lib/observe/log.ts'

const RESTART_MS_MIN = 100
const RESTART_MS_MAX = 5000
/** A process that has run this long started well: what ends it then is a new problem. */
const STEADY_MS = 10_000
/** Longer than a frontend takes that waits for a Redis which is away (7 s); orchestrators grant 10 s in all. */
const END_MS_MAX = 8500
const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))

/** Processes of one role, on the same ports. */
export type Processes = { stop: () => Promise<void> }

/** One of them; `ended` tells how, once it has. */
type Member = { child: ChildProcess; ended?: string; gone: Promise<void> }

type Context = {
  role: 'udp' | 'http'
  /** Settings of the processes beside those of this one. */
  env: Record<string, string>
  log: Logger
  signal: AbortSignal
}

/**
 * Starts so many processes of a role, waits until all serve, and starts each again whenever it ends. Throws an OperatorError
 * where one does not come up; it has said itself why.
 */
export async function startProcesses({
  count,
  ...options
}: { count: number } & Omit<Context, 'signal'>): Promise<Processes> {
  const stopping = new AbortController()
  const context = { ...options, signal: stopping.signal }
  const members = new Set<Member>()
  // A way out other than stop() waits for nothing: what they have in work is asked for again.
  const killAll = () => {
    for (const { child } of members) child.kill('SIGKILL')
  }
  process.once('exit', killAll)
  const start = async (number: number): Promise<Member> => {
    const member = startMember(number, context)
    members.add(member)
    void member.gone.then(() => members.delete(member))
    await serves(member, number, context)
    return member
  }
  const startFirst = async (number: number): Promise<Member> => {
    const member = await start(number)
    if (member.ended === undefined) return member
    throw new OperatorError(`process ${number} of redswarm ${options.role} did not start: ${member.ended}`)
  }
  try {
    // The first alone: what keeps it from serving would keep all, and be told by each.
    const first = await startFirst(1)
    const others = await Promise.all(Array.from({ length: count - 1 }, (_, i) => startFirst(i + 2)))
    const kept = [first, ...others].map((member, i) => keepRunning(member, i + 1, start, context))
    return {
      async stop() {
        stopping.abort()
        await Promise.all(kept)
        process.removeListener('exit', killAll)
      },
    }
  } catch (error) {
    stopping.abort()
    await Promise.all([...members].map((member) => end(member)))
    process.removeListener('exit', killAll)
    throw error
  }
}

/** In a session of its own: a Ctrl-C reaches this process only, which then asks each to stop, once. */
function startMember(number: number, { role, env }: Context): Member {
  const child = fork(MAIN, [role, '--process', String(number)], {
    detached: true,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const { promise: gone, resolve } = Promise.withResolvers<void>()
  const member: Member = { child, gone }
  const endBy = (how: string) => {
    member.ended ??= how
    resolve()
  }
  child.once('error', (error) => endBy(error.message))
  child.once('exit', (code, signal) => endBy(signal ? `killed by ${signal}` : `exit code ${code}`))
  return member
}

/** Waits until a process says that it serves; or until it ends, or is to stop. */
async function serves(member: Member, number: number, { role, log, signal }: Context): Promise<void> {
  const waiting = new AbortController()
  const until = { signal: AbortSignal.any([signal, waiting.signal]) }
  await Promise.race([once(member.child, 'message', until).catch(() => {}), member.gone])
  waiting.abort()
  if (member.ended === undefined && !signal.aborted) {
    log.info({ role, process: number, pid: member.child.pid }, 'the process serves')
  }
}

/** Starts a process again whenever it ends, until told to stop. */
async function keepRunning(
  first: Member,
  number: number,
  start: (number: number) => Promise<Member>,
  { role, log, signal }: Context,
): Promise<void> {
  const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve))
  let member = first
  for (let restartMs = RESTART_MS_MIN; ; restartMs = Math.min(2 * restartMs, RESTART_MS_MAX)) {
    await Promise.race([member.gone, stopped, sleep(STEADY_MS, undefined, { ref: false })])
    if (member.ended === undefined) restartMs = RESTART_MS_MIN
    await Promise.race([member.gone, stopped])
    if (signal.aborted) return end(member)
    const details = { role, process: number, reason: member.ended, restartMs }
    // One that was told to end, for a new version, has done nothing wrong.
    log[member.ended === 'exit code 0' ? 'info' : 'error'](details, 'a process has ended; starting it again')
    await sleep(restartMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    member = await start(number)
  }
}

/** Asks a process to stop, and kills it where it does not. */
async function end(member: Member): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (member.ended !== undefined) return
    member.child.kill(signal)
    await Promise.race([member.gone, sleep(END_MS_MAX, undefined, { ref: false })])
  }
}
