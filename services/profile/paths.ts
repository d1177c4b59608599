import { readFileSync } from 'node:fs'
import { type Frame, type FrameRule, matches, NATIVE, type Stack } from './stacks.ts'
import { EVENT_LOOP, IDLE, REDIS_WRITE, stageOf } from './stages.ts'
import type { ProfiledRole } from './tracker.ts'

/** What a stack serves: one path, or several that share it. */
type Owner = string | { shared: readonly string[]; by: 'requests' | 'calls' }

type PathRule = FrameRule & {
  /** Matches the function that calls this one, too. */
  caller?: RegExp
  /** Only functions below this text in the file and above that one. */
  between?: readonly [from: string, to: string]
  /** Only in this role. */
  role?: ProfiledRole
  path: string
}

const BACKGROUND = 'background'
const GARBAGE = 'garbage collection'

/** Frames that serve one path only, whatever is above or below them. */
const OWN: readonly PathRule[] = [
  { path: BACKGROUND, file: /^lib\/store\/(stats|clock|instances)\./, fn: /^(?!readStats)/ },
  {
    path: BACKGROUND,
    file: /^(services\/(compose|instance|metrics\/|profile\/)|npm:prom-client\/|node:(internal\/)?inspector)/,
  },
  {
    path: BACKGROUND,
    file: /^lib\/store\/(connect\.|script-connection|sweep)/,
    fn: /^(beat|markServed|isSweepOverdue|askSweepPermit)$/,
  },
  { path: 'connect', file: /^lib\/wire\/(connection-id|udp-reply)/, fn: /^(issue|writeConnectReply)$/ },
  { path: 'connect', file: /^services\/udp\/service/, fn: /^send$/, caller: /^handle$/ },
  { path: 'scrape', file: /^services\/(udp\/datagram|http\/request)/, fn: /^(answerScrapes|writeScrape|scrape)$/ },
  { path: 'scrape', file: /^lib\/wire\//, fn: /^(parseScrape|writeScrapeReply|parseHttpScrape|writeHttpScrapeReply)$/ },
  {
    path: 'scrape',
    file: /^lib\/store\/node-store\./,
    between: ['const scrapes: NodeStore', 'return { announces, scrapes'],
  },
  {
    path: 'announce',
    file: /^services\/(udp\/datagram|http\/request)/,
    fn: /^(answerAnnounces|toAnnounceRequest|writeOutcome|announce)$/,
  },
  {
    path: 'announce',
    file: /^lib\/wire\//,
    fn: /^(parseAnnounce|writeAnnounceReply|parseHttpAnnounce|write(Compact|Dictionary)AnnounceReply)$/,
  },
  { path: 'announce', file: /^lib\/(swarm\/announce|store\/records)/ },
  { path: 'announce', file: /^lib\/store\/node-store\./, fn: /^(refusedReply|sendAnnounces|sendMovable)$/ },
  {
    path: 'announce',
    file: /^lib\/store\/node-store\./,
    between: ['const announces: NodeStore', 'const scrapes: NodeStore'],
  },
  { path: 'GET stats', file: /^services\/api\/stats/ },
  { path: 'GET stats', file: /^lib\/store\/(reader|stats)/, fn: /^(totals|readStats)$/ },
  { path: 'GET torrent', file: /^services\/api\/torrent/ },
  { path: 'GET torrent', file: /^lib\/store\/(reader\.|peer-pages|stored-peers)/, fn: /^(?!totals)/ },
  { path: 'GET torrents', role: 'api', file: /^(services\/api\/v2\/torrents|lib\/store\/(listing|walk))/ },
  { path: 'rank', role: 'sweeper', file: /^(services\/sweeper\/rank|lib\/store\/(walk|ranks))/ },
  { path: 'sweep', file: /^(services\/sweeper\/sweep|lib\/store\/sweep)/ },
  { path: 'job queue (BullMQ)', file: /^(npm:bullmq\/|services\/sweeper\/service)/ },
]

/** The paths of a role whose requests the load counts. */
const REQUESTS: Record<ProfiledRole, readonly string[]> = {
  udp: ['connect', 'announce', 'scrape'],
  http: ['announce', 'scrape'],
  api: ['GET stats', 'GET torrent', 'GET torrents', 'GET health_check'],
  sweeper: [],
}
/** The paths of a role that call Redis. */
const CALLERS: Record<ProfiledRole, readonly string[]> = {
  udp: ['announce', 'scrape', BACKGROUND],
  http: ['announce', 'scrape', BACKGROUND],
  api: ['GET stats', 'GET torrent', 'GET torrents', BACKGROUND],
  sweeper: ['sweep', 'rank', 'job queue (BullMQ)', BACKGROUND],
}

/** Frames that serve several paths; of a stack that is none's own, the innermost of these decides. */
const SHARED: readonly (FrameRule & { by: 'requests' | 'checks' | 'calls' })[] = [
  { by: 'checks', file: /^lib\/wire\/connection-id/, fn: /^(check|matches)$/ },
  { by: 'calls', file: /^(lib\/store\/|npm:ioredis\/)/ },
  {
    by: 'requests',
    file: /^(lib\/udp\/|services\/(udp|http|api)\/|lib\/wire\/|node:_http|npm:(fastify|find-my-way)\/)/,
  },
  { by: 'calls', file: /^node:internal\/stream_base_commons/, fn: /^onStreamRead$/ },
]

/** Where a request is when the event loop comes to it: the second level, in the place of what the event loop calls. */
const PHASES: readonly (FrameRule & { phase: string })[] = [
  { phase: 'requests come in', file: /^(lib\/udp\/(linux\/reactor|dgram-socket)|node:_http_common)/ },
  { phase: "the store's reply is read", file: /^(npm:ioredis\/built\/DataHandler|lib\/store\/resp)/ },
  { phase: "the store's reply is handed out", file: /^lib\/store\/batcher/, fn: /^finish$/ },
  { phase: 'in the background', file: /^node:internal\/timers/, fn: /^(listOnTimeout|processTimers)$/ },
]
const AFTER_REPLY = "after the store's reply"
const EVENT_LOOP_FRAMES = /^(runMicrotasks|processTicksAndRejections|processImmediate|listOnTimeout|processTimers)$/

const sources = new Map<string, string[]>()

/** The line of a text in a file of the project, from 1; a rule whose text is gone must not go unseen. */
function lineOf(file: string, text: string): number {
  const lines = sources.get(file) ?? readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').split('\n')
  sources.set(file, lines)
  const at = lines.findIndex((line) => line.includes(text))
  if (at < 0) throw new Error(`services/profile/paths.ts looks for "${text}", which ${file} has no more`)
  return at + 1
}

function owns(rule: PathRule, role: ProfiledRole, frames: readonly Frame[], i: number): boolean {
  if (rule.role && rule.role !== role) return false
  const frame = frames[i] as Frame
  if (!matches(rule, frame)) return false
  if (rule.caller && !rule.caller.test(frames[i - 1]?.name ?? '')) return false
  if (!rule.between) return true
  const [from, to] = rule.between
  return frame.line > lineOf(frame.file, from) && frame.line < lineOf(frame.file, to)
}

function ownerOf(frames: readonly Frame[], role: ProfiledRole): Owner {
  const outermost = frames[0]?.name
  if (outermost === NATIVE.garbage) return GARBAGE
  if (outermost === NATIVE.program) return EVENT_LOOP
  if (outermost === NATIVE.idle) return IDLE
  for (let i = frames.length - 1; i >= 0; i--) {
    const own = OWN.find((rule) => owns(rule, role, frames, i))
    if (own) return own.path
  }
  for (let i = frames.length - 1; i >= 0; i--) {
    const rule = SHARED.find((each) => matches(each, frames[i] as Frame))
    if (rule?.by === 'calls') return { shared: CALLERS[role], by: 'calls' }
    // A connect has no id to check.
    if (rule?.by === 'checks') return { shared: REQUESTS[role].filter((path) => path !== 'connect'), by: 'requests' }
    if (rule?.by === 'requests') return { shared: REQUESTS[role], by: 'requests' }
  }
  return EVENT_LOOP
}

/** The frames of a stack below its path: the event loop's own are replaced by where the request is. */
function belowPath(frames: readonly Frame[]): Frame[] {
  const phase = PHASES.find((rule) => frames.some((frame) => matches(rule, frame)))?.phase
  const isContinuation = frames.some(({ name }) => name === 'runMicrotasks')
  const first = frames.findIndex(({ name }) => !EVENT_LOOP_FRAMES.test(name))
  const rest = first < 0 ? frames : frames.slice(first)
  const name = phase ?? (isContinuation ? AFTER_REPLY : undefined)
  return name === undefined ? [...rest] : [madeFrame(name), ...rest]
}

/** The file of frames that are no function. */
export const MADE_FILE = '(request path)'

const madeFrame = (name: string): Frame => ({ name, file: MADE_FILE, line: 0, column: 0, scriptId: '' })

const titleOf = (path: string, role: ProfiledRole): string =>
  ['announce', 'scrape', 'connect'].includes(path) ? `${path} (${role.toUpperCase()})` : path

/** How many requests of each path the load had answered while stacks were sampled. */
export type RequestCounts = Partial<Record<string, number>>

/**
 * Puts each stack below the request path that it serves. A stack that serves several is shared out: by the requests that
 * the load counted; replies of the store by the samples in which each path's calls were written.
 */
export function underPaths(stacks: readonly Stack[], role: ProfiledRole, requests: RequestCounts): Stack[] {
  const owners = stacks.map(({ frames }) => ownerOf(frames, role))
  const calls: RequestCounts = {}
  for (const [i, { frames, samples }] of stacks.entries()) {
    const owner = owners[i] as Owner
    if (typeof owner === 'string' && stageOf(frames) === REDIS_WRITE) calls[owner] = (calls[owner] ?? 0) + samples
  }
  const share = makeSharer({ requests, calls })
  return stacks.flatMap((stack, i) => {
    const owner = owners[i] as Owner
    if (typeof owner === 'string') return [under(owner, stack, role)]
    return share(owner, stack).map(([path, part]) => under(path, part, role))
  })
}

function under(path: string, stack: Stack, role: ProfiledRole): Stack {
  if ([GARBAGE, EVENT_LOOP, IDLE].includes(path)) return { ...stack, frames: [madeFrame(path), ...stack.frames] }
  return { ...stack, frames: [madeFrame(titleOf(path, role)), ...belowPath(stack.frames)] }
}

/**
 * Shares samples out, one by one, each to the path that is furthest behind its share so far: whole samples, none lost, and
 * every path within one sample of its share of all.
 */
function makeSharer(weights: Record<'requests' | 'calls', RequestCounts>) {
  const behind = new Map<string, number>()
  return ({ shared, by }: Exclude<Owner, string>, stack: Stack): [path: string, part: Stack][] => {
    const sum = shared.reduce((total, path) => total + (weights[by][path] ?? 0), 0)
    if (sum === 0) return [[EVENT_LOOP, stack]]
    const paths = shared.filter((path) => (weights[by][path] ?? 0) > 0)
    const key = (path: string) => `${by} ${shared.length} ${path}`
    const next = (): string => {
      for (const path of paths)
        behind.set(key(path), (behind.get(key(path)) ?? 0) + (weights[by][path] as number) / sum)
      const path = paths.reduce((a, b) => ((behind.get(key(b)) ?? 0) > (behind.get(key(a)) ?? 0) ? b : a))
      behind.set(key(path), (behind.get(key(path)) ?? 0) - 1)
      return path
    }
    const parts = new Map<string, Stack>()
    const give = (line: number | undefined): void => {
      const path = next()
      const part = parts.get(path) ?? { frames: stack.frames, samples: 0, lines: [] }
      parts.set(path, part)
      part.samples += 1
      if (line === undefined) return
      const same = part.lines.find((each) => each.line === line)
      if (same) same.samples += 1
      else part.lines.push({ line, samples: 1 })
    }
    const atLines = stack.lines.flatMap(({ line, samples }) => Array<number>(samples).fill(line))
    for (let i = 0; i < stack.samples; i++) give(atLines[i])
    return [...parts]
  }
}
