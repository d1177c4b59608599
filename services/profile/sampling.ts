import type { ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CpuProfile, SampledCpu, SamplerReply, SamplerRequest, ScriptCoverage } from './messages.ts'

/** The module that is loaded before a role, for these to work. */
export const SAMPLER = join(import.meta.dirname, 'sampler.ts')

/**
 * Time between two samples. At 500 us, sampling took 0.5 to 4 % of a busy thread's CPU time (a loop 15 calls deep, with and
 * without); 10 s give up to 20,000 samples, by which a stage of 10 % is known to 0.4 % (two standard errors).
 */
export const INTERVAL_US = 500

/** Longest that a process may take to answer; writing the profile of an hour takes some seconds. */
const ANSWER_MS_MAX = 60_000

/** Stacks of a process, and the CPU time that it used meanwhile. */
export type Sampled = { profile: CpuProfile; cpuUs: SampledCpu }

/** Samples a role's stacks while `task` runs. */
export async function sampleWhile<T>(
  { child, folder }: { child: ChildProcess; folder: string },
  task: () => Promise<T>,
): Promise<Sampled & { value: T }> {
  const file = join(folder, 'profile.cpuprofile')
  await ask(child, { ask: 'start sampling', intervalUs: INTERVAL_US })
  const value = await task()
  const { cpuUs } = await ask(child, { ask: 'stop sampling', file })
  if (!cpuUs) throw new Error('the sampled process did not tell its CPU time')
  return { profile: JSON.parse(await readFile(file, 'utf8')) as CpuProfile, cpuUs, value }
}

/** Counts the calls of a role's functions while `task` runs. */
export async function countWhile<T>(
  { child, folder }: { child: ChildProcess; folder: string },
  task: () => Promise<T>,
): Promise<{ coverage: ScriptCoverage[]; value: T }> {
  const file = join(folder, 'coverage.json')
  await ask(child, { ask: 'start counting' })
  const value = await task()
  await ask(child, { ask: 'stop counting', file })
  return { coverage: JSON.parse(await readFile(file, 'utf8')) as ScriptCoverage[], value }
}

/** One question at a time. */
async function ask(child: ChildProcess, request: SamplerRequest): Promise<SamplerReply> {
  const answered = Promise.withResolvers<SamplerReply>()
  const onMessage = (reply: SamplerReply): void => {
    if (reply.done === request.ask) answered.resolve(reply)
  }
  const onExit = (): void => answered.reject(new Error('the profiled process ended before its time'))
  const timer = setTimeout(() => answered.reject(new Error(`no answer to "${request.ask}"`)), ANSWER_MS_MAX)
  child.on('message', onMessage).once('exit', onExit)
  try {
    if (child.exitCode !== null) onExit()
    else child.send(request)
    const reply = await answered.promise
    if (reply.problem) throw new Error(`"${request.ask}" failed: ${reply.problem}`)
    return reply
  } finally {
    clearTimeout(timer)
    child.off('message', onMessage).off('exit', onExit)
  }
}
