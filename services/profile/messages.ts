/** What a sampled process is asked by its channel. */
export type SamplerRequest =
  | { ask: 'start sampling'; intervalUs: number }
  | { ask: 'stop sampling'; file: string }
  | { ask: 'start counting' }
  | { ask: 'stop counting'; file: string }

/** What it answers, once each is done. `cpuUs` is given at the end of sampling. */
export type SamplerReply = { done: SamplerRequest['ask']; cpuUs?: SampledCpu; problem?: string }

/** CPU time of the sampled seconds, of the thread that runs JavaScript and of the whole process, and how long they were. */
export type SampledCpu = { mainThread: number; process: number; wall: number }

/** A place in source text, as V8 counts: from 0. */
export type CallFrame = {
  functionName: string
  scriptId: string
  url: string
  lineNumber: number
  columnNumber: number
}

/** A node of V8's tree of stacks. `positionTicks` says at which lines, counted from 1, its own samples were. */
export type ProfileNode = {
  id: number
  callFrame: CallFrame
  hitCount?: number
  children?: number[]
  positionTicks?: { line: number; ticks: number }[]
}

/** A `.cpuprofile`, as far as it is read here. */
export type CpuProfile = {
  nodes: ProfileNode[]
  startTime: number
  endTime: number
  samples?: number[]
  timeDeltas?: number[]
}

/** What V8's precise coverage tells of a script; the first range of a function is the function itself. */
export type ScriptCoverage = {
  scriptId: string
  url: string
  functions: { functionName: string; ranges: { startOffset: number; endOffset: number; count: number }[] }[]
}
