import { OperatorError } from '../../errors.ts'
import { printable } from '../../observe/table.ts'
import type { RedisClient } from '../client.ts'
import type { Keys } from '../keys.ts'
import type { SwarmOutcome } from './import-swarms.ts'
import { cutOff, damaged, type LineBlock, readBlocks } from './lines.ts'
import { addOutcome, noOutcome, type Outcome } from './outcome.ts'
import { EXPORT_FORMAT, type ExportCounts, type ExportHeader, noCounts, readCount } from './records.ts'

/** What can be counted of an export. */
export const EXPORTED = [
  'torrents',
  'peers',
  'whitelist',
  'keys',
  'bans',
  'accounts',
  'reports',
  'denied',
  'clients',
] as const

/** What became of an export, an import that was interrupted included. */
export type ImportReport = Record<(typeof EXPORTED)[number], Outcome> & {
  /** The secret of the file: there was none in it, or none here before, or it is the same, or there is another here. */
  secret: 'none' | 'taken' | 'same' | 'other'
  problems: string[]
  /** How much is in the file by its own word, at its end. */
  end: ExportCounts | undefined
  /** The torrent that was counted last, of which more may come, and as what. */
  last: { hex: string; outcome: SwarmOutcome['outcome'] } | undefined
}

/** Nothing imported yet. */
export const makeImportReport = (): ImportReport => ({
  ...(Object.fromEntries(EXPORTED.map((name) => [name, noOutcome()])) as Record<(typeof EXPORTED)[number], Outcome>),
  ...{ secret: 'none', problems: [], end: undefined, last: undefined },
})

/** Problems that are told one by one. */
export const PROBLEMS_TOLD_MAX = 20

/** Of the parts of a swarm, the strongest counts. */
const STRENGTH = ['expired', 'unchanged', 'changed', 'added', 'bad'] as const

/** Counts what became of swarms, in the order of the file. */
export function makeTally(report: ImportReport): {
  count: (outcome: SwarmOutcome) => void
  readEnd: (end: unknown) => void
} {
  return {
    count({ swarm: { hex }, outcome, peers, problem }) {
      addOutcome(report.peers, peers)
      if (problem !== undefined && report.problems.length < PROBLEMS_TOLD_MAX) report.problems.push(problem)
      const { last, torrents } = report
      if (last?.hex === hex) {
        if (STRENGTH.indexOf(outcome) <= STRENGTH.indexOf(last.outcome)) return
        torrents[last.outcome] -= 1
      } else {
        torrents.rows += 1
      }
      torrents[outcome] += 1
      report.last = { hex, outcome }
    },
    readEnd(end) {
      const counts = (typeof end === 'object' && end !== null ? end : {}) as Record<string, unknown>
      report.end = noCounts()
      // A format before it tells nothing of what it had not.
      for (const name of EXPORTED) report.end[name] = readCount(counts[name] ?? 0, name)
    },
  }
}

/** Lines that are as they were written; the number of the first, and the name of the file. */
export type ImportStep = LineBlock & { name: string }

/** An export that is read: its header, and then its lines, step by step. */
export type OpenedExport = { header: ExportHeader; steps: AsyncIterable<ImportStep> }

/** Reads the header of an export; throws an OperatorError where the file is none, or is damaged, or of a later version. */
export async function openExport(name: string, bytes: AsyncIterable<Buffer>): Promise<OpenedExport> {
  const blocks = readBlocks(name, bytes)
  const start = await blocks.next()
  if (start.done) throw cutOff(name, 0)
  const header = readHeader(name, start.value.lines[0] ?? '')
  async function* steps(): AsyncGenerator<ImportStep> {
    const { lines, first } = start.value as LineBlock
    let hasEnded = isEnd(lines)
    let lastLine = first + lines.length
    yield { name, first: first + 1, lines: lines.slice(1) }
    for await (const block of blocks) {
      if (hasEnded) throw damaged(name, block.first)
      yield { name, ...block }
      hasEnded = isEnd(block.lines)
      lastLine = block.first + block.lines.length
    }
    if (!hasEnded) throw cutOff(name, lastLine)
  }
  return { header, steps: steps() }
}

const isEnd = (lines: readonly string[]): boolean => lines.at(-1)?.startsWith('{"end":') === true

function readHeader(name: string, line: string): ExportHeader {
  let header: Partial<ExportHeader> = {}
  try {
    header = JSON.parse(line) as ExportHeader
  } catch {}
  if (header.redswarm !== 'export') throw new OperatorError(`${name} is no export of redswarm`)
  const { format = 0, version } = header
  if (!Number.isInteger(format) || format < 1)
    throw new OperatorError(`${name} is no export of redswarm: it has no format`)
  if (format > EXPORT_FORMAT) {
    throw new OperatorError(
      `${name} has format ${format}, and this redswarm reads formats 1 to ${EXPORT_FORMAT}\n` +
        `  a newer one wrote it (version ${printable(String(version))}): import it with that one, or a later one`,
    )
  }
  return header as ExportHeader
}

/** How far an import is: up to which line, and what became of the lines so far. */
export type ImportMark = { line: number; report: ImportReport; before: ExportTotals }

/** What a Redis had before. */
export type ExportTotals = { torrents: number; peers: number }

/** Where an import of this file was interrupted; undefined where none was. */
export async function readMark(redis: RedisClient, keys: Keys, id: string): Promise<ImportMark | undefined> {
  const fields = await redis.hgetall(keys.import)
  if (fields.id !== id) return undefined
  try {
    const { line, report, before } = JSON.parse(fields.mark as string) as ImportMark
    // That of a version before lacks what was not counted yet.
    return { line, report: { ...makeImportReport(), ...report }, before }
  } catch {
    throw new OperatorError(`${keys.import} does not tell how far the import is\n  delete it, and import with --merge`)
  }
}

/** Remembers how far an import is, so that it can be gone on with. */
export async function keepMark(redis: RedisClient, keys: Keys, id: string, mark: ImportMark): Promise<void> {
  await redis.hset(keys.import, { id, mark: JSON.stringify(mark) })
}
