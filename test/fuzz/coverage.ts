import { readFileSync } from 'node:fs'
import { type Profiler, Session } from 'node:inspector'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The sources whose blocks guide: what reads strangers' bytes, and what answers them. */
const SOURCES = [
  ...'address-kind announce connection-id endpoint http-reply http-request info-hash parsed query udp-reply udp-request url-data'
    .split(' ')
    .map((name) => `lib/wire/${name}.ts`),
  'lib/config/listen.ts',
  'lib/store/layout.ts',
  'lib/store/records.ts',
  'lib/swarm/announce.ts',
  'lib/swarm/peer-address.ts',
  'lib/swarm/token-buckets.ts',
  'services/http/app.ts',
  'services/http/request.ts',
  'services/udp/datagram.ts',
  'services/udp/error-budget.ts',
]

/** Which characters of each function ran, 1 where they did; by `file:offset of the function`. */
export type Reached = Map<string, Uint8Array>

/** Tells which blocks of the sources run. */
export type Coverage = {
  /** To be called when the sources are imported: all their functions are known then, most of which have not run yet. */
  begin: () => void
  /** What ran since the last look, where it holds a place that never ran before. */
  news: () => Reached | undefined
  /** Counts this as known. */
  keep: (reached: Reached) => void
  /** What ran of each function so far. */
  known: Reached
}

const ROOT = join(import.meta.dirname, '../..')
const NAMES = new Map(SOURCES.map((source) => [pathToFileURL(join(ROOT, source)).href, source]))

/** Starts V8's own block coverage of this thread: before the sources are imported. A look takes 0.2 ms. */
export function startCoverage(): Coverage {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  const known: Reached = new Map()

  /** What ran since the last look. */
  const look = (): Reached => {
    let scripts: Profiler.ScriptCoverage[] = []
    // The answer comes before `post` returns: the session is of this very thread.
    session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error) throw error
      scripts = result
    })
    return new Map(scripts.flatMap(functionsOf))
  }
  return {
    known,
    begin() {
      merge(known, look())
    },
    news() {
      const now = look()
      const isNew = ([key, reached]: [string, Uint8Array]): boolean => {
        const before = known.get(key)
        return reached.some((ran, i) => ran === 1 && before?.[i] !== 1)
      }
      return [...now].some(isNew) ? now : undefined
    },
    keep(reached) {
      merge(known, reached)
    },
  }
}

/** Adds what ran to what is known to have run. */
export function merge(known: Reached, reached: Reached): void {
  for (const [key, now] of reached) {
    const before = known.get(key)
    known.set(key, before ? before.map((ran, i) => ran | (now[i] ?? 0)) : now)
  }
}

function functionsOf({ url, functions }: Profiler.ScriptCoverage): [key: string, ran: Uint8Array][] {
  const name = NAMES.get(url)
  // What begins at 0 is the module's own code, which runs once, at its import.
  const own = name === undefined ? [] : functions.filter(({ ranges }) => ranges[0]?.startOffset !== 0)
  return own.map(({ ranges }) => [`${name}:${ranges[0]?.startOffset}`, paint(ranges)])
}

/** Ranges come outermost first; one inside another says more exactly how often it ran. */
function paint(ranges: readonly Profiler.CoverageRange[]): Uint8Array {
  const from = ranges[0]?.startOffset ?? 0
  const painted = new Uint8Array((ranges[0]?.endOffset ?? from) - from)
  for (const { startOffset, endOffset, count } of ranges) {
    painted.fill(count > 0 ? RAN : 0, startOffset - from, endOffset - from)
  }
  return painted
}

const RAN = 1
const MISSED = 2

/** The share of each file's functions that ran, by their text, and the lines where what did not run begins. */
export function summarize(known: Reached): { file: string; share: number; missedLines: number[] }[] {
  const marks = new Map(SOURCES.map((file) => [file, new Uint8Array(readSource(file).length)]))
  const places = [...known].map(([key, ran]) => ({ ...placeOf(key), ran }))
  // An outer function comes before those inside it, whose text is theirs.
  for (const { file, from, ran } of places.sort((a, b) => a.from - b.from)) {
    marks.get(file)?.set(
      ran.map((one) => (one === RAN ? RAN : MISSED)),
      from,
    )
  }
  return [...marks].map(([file, text]) => {
    const lines = readSource(file).split('\n')
    let at = 0
    const isMissed = lines.map((line) => {
      const own = text.subarray(at, at + line.length)
      at += line.length + 1
      return own.includes(MISSED)
    })
    const missedLines = isMissed.flatMap((missed, i) => (missed && !isMissed[i - 1] ? [i + 1] : []))
    const [ran, missed] = [RAN, MISSED].map((mark) => text.filter((one) => one === mark).length)
    return { file, share: ran === 0 && missed === 0 ? 1 : (ran ?? 0) / ((ran ?? 0) + (missed ?? 0)), missedLines }
  })
}

const readSource = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

function placeOf(key: string): { file: string; from: number } {
  const colon = key.lastIndexOf(':')
  return { file: key.slice(0, colon), from: Number(key.slice(colon + 1)) }
}
