// Loaded before a role (`node --import`), whose process is otherwise as it always is: samples its stacks, and counts its
// calls, while the process that started it asks for that.
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import type { SampledCpu, SamplerReply, SamplerRequest } from './messages.ts'

const session = new Session()
session.connect()

const usedNow = () => ({ mainThread: process.threadCpuUsage(), process: process.cpuUsage(), atMs: performance.now() })
let before = usedNow()

const sumOf = ({ user, system }: NodeJS.CpuUsage): number => user + system

const cpuSince = (): SampledCpu => ({
  mainThread: sumOf(process.threadCpuUsage(before.mainThread)),
  process: sumOf(process.cpuUsage(before.process)),
  wall: 1000 * (performance.now() - before.atMs),
})

async function run(request: SamplerRequest): Promise<Omit<SamplerReply, 'done'>> {
  switch (request.ask) {
    case 'start sampling':
      // At once: by now the load's seconds have begun, by whose answers this is divided.
      before = usedNow()
      await session.post('Profiler.enable')
      await session.post('Profiler.setSamplingInterval', { interval: request.intervalUs })
      await session.post('Profiler.start')
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
process.channel?.unref()
