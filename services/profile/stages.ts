import { type Frame, type FrameRule, matches, type Stack, samplesOf } from './stacks.ts'

type StageRule = FrameRule & { stage: string }

/** Samples without a stage may be so many of those not idle. */
export const UNNAMED_SHARE_MAX = 0.05
/** The stage of samples that are none's. */
export const UNNAMED = '(no stage)'
/** The stage in which nothing is done. */
export const IDLE = 'idle'
/** What V8 sees of the process while no JavaScript runs: it has no names for that. */
export const EVENT_LOOP = 'event loop and system calls'
/** What serves no request, or cannot be told to. */
const TIMERS = 'timers and promises'
const PROFILER = 'the profiler itself'
const NOT_OWN: readonly string[] = [EVENT_LOOP, TIMERS, PROFILER]
/** The stage of calls on their way to Redis. */
export const REDIS_WRITE = 'Redis: write calls'

/**
 * Which stage a frame belongs to. Of a stack, the innermost frame that is here decides, so that what helps many stages
 * (buffers, sockets, endpoints) counts for the one that it helps.
 */
const RULES: readonly StageRule[] = [
  { stage: IDLE, file: /^$/, fn: /^\(idle\)$/ },
  { stage: 'garbage collection', file: /^$/, fn: /^\(garbage collector\)$/ },
  { stage: EVENT_LOOP, file: /^$/, fn: /^\(program\)$/ },
  // UDP
  {
    stage: 'send',
    file: /^lib\/udp\/linux\/linux-socket/,
    fn: /^(send|sendAll|sendBatch|writeMessage|writeSockaddr)$/,
  },
  { stage: 'send', file: /^services\/udp\/service/, fn: /^send$/ },
  { stage: 'receive', file: /^(lib\/udp\/linux\/linux-socket|services\/udp\/service)/ },
  { stage: 'send', file: /^lib\/udp\/dgram-socket/, fn: /^send/ },
  { stage: 'receive', file: /^lib\/udp\/dgram-socket/ },
  { stage: 'sleep and wake', file: /^lib\/udp\/linux\/(reactor|libc)/ },
  { stage: 'parse', file: /^lib\/wire\/(udp-request|http-request|query|url-data)/ },
  { stage: 'parse', file: /^lib\/wire\/announce/, fn: /^(readReport|reportsSeeder)$/ },
  { stage: 'verify', file: /^(lib\/wire\/connection-id|services\/udp\/error-budget)/ },
  { stage: 'verify', file: /^services\/api\/app/, fn: /^(tokenOf|digest|\(anonymous:\d+\))$/ },
  { stage: 'write', file: /^lib\/wire\/(udp-reply|http-reply)/ },
  { stage: 'write', file: /^services\/udp\/datagram/, fn: /^(replyTo|writeOutcome|writeScrape)$/ },
  { stage: 'decide', file: /^(services\/(udp\/datagram|http\/)|lib\/swarm\/)/ },
  // HTTP
  {
    stage: 'HTTP: parse (node:http)',
    file: /^node:(_http_common|_http_incoming|_http_server)/,
    fn: /^(parserOn|IncomingMessage|_add|get$)/,
  },
  { stage: 'HTTP: send (node:http)', file: /^node:_http_outgoing/ },
  { stage: 'HTTP: requests (node:http)', file: /^node:_http/ },
  { stage: 'JSON', file: /^npm:(fast-json-stringify|json-schema-ref-resolver|secure-json-parse)\// },
  { stage: 'JSON', file: /^npm:fastify\/lib\/reply/, fn: /^(serialize|preSerializationHookEnd)$/ },
  {
    stage: 'Fastify',
    file: /^npm:(fastify|find-my-way|avvio|@fastify|light-my-request|fast-querystring|process-warning)\//,
  },
  // The store
  { stage: 'batch', file: /^lib\/store\/(batcher|records|redis)\./ },
  { stage: REDIS_WRITE, file: /^lib\/store\/resp/, fn: /^(sendCommand|writeCommand)$/ },
  { stage: 'Redis: read replies', file: /^(npm:ioredis\/built\/(DataHandler|resp\/)|lib\/store\/resp)/ },
  { stage: REDIS_WRITE, file: /^npm:ioredis\/built\/(Redis|utils\/Commander|Script|Pipeline)\.js/ },
  { stage: REDIS_WRITE, file: /^lib\/store\/script(s|-connection)/ },
  {
    stage: 'counters and clock',
    file: /^(lib\/store\/(stats|clock|connect)\.|services\/compose|lib\/observe\/counters)/,
  },
  { stage: 'counters and clock', file: /^lib\/store\/sweep/, fn: /^markServed$/ },
  // API and sweeper
  { stage: 'read the store', file: /^lib\/store\/(reader|peer-pages|stored-peers)/ },
  { stage: 'answer', file: /^(services\/api\/|lib\/observe\/client-name|npm:bittorrent-peerid\/)/ },
  { stage: 'sweep', file: /^(services\/sweeper\/sweep|lib\/store\/sweep)/ },
  { stage: 'rank', file: /^(services\/sweeper\/rank|lib\/store\/ranks)/ },
  { stage: 'walk the torrents', file: /^lib\/store\/(listing|walk)/ },
  { stage: 'job queue (BullMQ)', file: /^(npm:(bullmq|cron-parser|msgpackr)\/|services\/sweeper\/service)/ },
  { stage: 'log', file: /^(npm:(pino|sonic-boom|thread-stream)\/|lib\/observe\/log)/ },
  { stage: PROFILER, file: /^(services\/profile\/|node:(internal\/)?inspector)/ },
]

/** Where no frame of a stack is above, Node alone is at work, and not for one stage. Nothing of ours is ever here. */
const FALLBACKS: readonly StageRule[] = [
  { stage: 'Redis: read replies', file: /^npm:ioredis\// },
  { stage: 'sockets (node:net)', file: /^node:(net$|internal\/stream|stream)/ },
  {
    stage: TIMERS,
    file: /^node:(internal\/(process\/(task_queues|promises)|timers|async|priority_queue)|timers|async_hooks|events)/,
  },
  { stage: TIMERS, file: /^$/, fn: /^(runMicrotasks|promiseRejectHandler)$/ },
]

const ruleOf = (rules: readonly StageRule[], frames: readonly Frame[]): StageRule | undefined => {
  for (let i = frames.length - 1; i >= 0; i--) {
    const found = rules.find((rule) => matches(rule, frames[i] as Frame))
    if (found) return found
  }
  return undefined
}

/** Frames that the fallbacks are for. */
const NOT_OURS = /^($|node:|npm:ioredis\/)/

/** The stage of a stack; undefined where the table has none of its frames. */
export function stageOf(frames: readonly Frame[]): string | undefined {
  const rule = ruleOf(RULES, frames)
  if (rule) return rule.stage
  return frames.every(({ file }) => NOT_OURS.test(file)) ? ruleOf(FALLBACKS, frames)?.stage : undefined
}

/** A row of the table of stages; shares are of the samples that are not idle. */
export type StageRow = { stage: string; samples: number; share: number }

/** The table of stages, and which frames it misses. */
export type StageTable = {
  samples: number
  /** Samples that are not idle. */
  busy: number
  rows: StageRow[]
  /** Those in a stage of the tracker's own path: without the event loop, timers and the profiler, which are named too. */
  own: { samples: number; share: number }
  unnamed: { samples: number; share: number; frames: { frame: string; samples: number }[] }
}

const FRAMES_TOLD_MAX = 10

/** Counts samples by stage. */
export function tableOfStages(stacks: readonly Stack[]): StageTable {
  const byStage = new Map<string, number>()
  const missed = new Map<string, number>()
  const addTo = (map: Map<string, number>, key: string, count: number) => map.set(key, (map.get(key) ?? 0) + count)
  for (const { frames, samples } of stacks) {
    const stage = stageOf(frames)
    addTo(byStage, stage ?? UNNAMED, samples)
    const last = frames.at(-1)
    if (!stage) addTo(missed, last ? `${last.name} ${last.file || 'native'}` : '(root)', samples)
  }
  const samples = samplesOf(stacks)
  const busy = samples - (byStage.get(IDLE) ?? 0)
  const shareOf = (count: number) => count / Math.max(busy, 1)
  const inOrder = (map: Map<string, number>) => [...map].sort((a, b) => b[1] - a[1])
  const unnamed = byStage.get(UNNAMED) ?? 0
  const own = NOT_OWN.reduce((left, stage) => left - (byStage.get(stage) ?? 0), busy - unnamed)
  return {
    samples,
    busy,
    rows: inOrder(byStage).map(([stage, count]) => ({
      stage,
      samples: count,
      share: stage === IDLE ? 0 : shareOf(count),
    })),
    own: { samples: own, share: shareOf(own) },
    unnamed: {
      samples: unnamed,
      share: shareOf(unnamed),
      frames: inOrder(missed)
        .slice(0, FRAMES_TOLD_MAX)
        .map(([frame, count]) => ({ frame, samples: count })),
    },
  }
}

/** What is wrong with a table: where it misses too much, what it misses. */
export function stageProblem({ unnamed }: StageTable): string | undefined {
  if (unnamed.share <= UNNAMED_SHARE_MAX) return undefined
  const frames = unnamed.frames.map(({ frame, samples }) => `${samples} ${frame}`).join(', ')
  return `${(100 * unnamed.share).toFixed(1)} % of the samples are in no stage (services/profile/stages.ts): ${frames}`
}
