// Loaded before a role (`node --import`), whose process is otherwise as it always is: samples its stacks, and counts its
// calls, while the process that started it asks for that.
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import type { SampledCpu, SamplerReply, SamplerRequest } from './messages.ts'

const session = new Session()
session.connect()

let cpuBefore = { mainThread: process.threadCpuUsage(), process: process.cpuUsage() }

const sumOf = ({ user, system }: NodeJS.CpuUsage): number => user + system

const cpuSince = (): SampledCpu => ({
  mainThread: sumOf(process.threadCpuUsage(cpuBefore.mainThread)),
  process: sumOf(process.cpuUsage(cpuBefore.process)),
})

async function run(request: SamplerRequest): Promise<Omit<SamplerReply, 'done'>> {
  switch (request.ask) {
    case 'start sampling':
      await session.post('Profiler.enable')
      await session.post('Profiler.setSamplingInterval', { interval: request.intervalUs })
      await session.post('Profiler.start')
      cpuBefore = { mainThread: process.threadCpuUsage(), process: process.cpuUsage() }
      return {}
    case 'stop sampling': {
      const cpuUs = cpuSince()
      const { profile } = await session.post('Profiler.stop')
      await session.post('Profiler.disable')
      writeFileSync(request.file, JSON.stringify(profile))
      return { cpuUs }
    }
    case 'start counting':
      // Counted calls are slow calls: never while stacks are sampled.
      await session.post('Profiler.enable')
      await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
      return {}
    case 'stop counting': {
      const { result } = await session.post('Profiler.takePreciseCoverage')
      await session.post('Profiler.stopPreciseCoverage')
      await session.post('Profiler.disable')
      writeFileSync(request.file, JSON.stringify(result))
      return {}
    }
    default: {
      const missed: never = request
      throw new Error(`unhandled request ${String(missed)}`)
    }
  }
}

async function answer(request: SamplerRequest): Promise<void> {
  const reply = await run(request).catch((error: unknown) => ({ problem: String(error) }))
  process.send?.({ done: request.ask, ...reply } satisfies SamplerReply)
}

process.on('message', (request: SamplerRequest) => void answer(request))
// The profile is nobody's any more: a role must not outlive it.
process.on('disconnect', () => process.exit())
process.channel?.unref()
