import { OperatorError } from '../../lib/errors.ts'
import { jsonLine, shown } from '../../lib/observe/table.ts'
import { BANS_MAX, banEntry, makeBanList } from '../../lib/store/bans.ts'
import { CHANGED_AT_ONCE, type ListEntry } from '../../lib/store/list.ts'
import { ADDRESS_BITS, mergeRanges, networksOfRange, type Ranges } from '../../lib/wire/address-ranges.ts'
import { parseBlocklistLine } from '../../lib/wire/blocklist.ts'
import { addBadLine, type BadLines, badLinesText, noBadLines } from './bad-lines.ts'
import { makeBar } from './bar.ts'
import { mostBlocked } from './blocked-share.ts'
import { linesOf } from './lines.ts'
import { nameOf } from './move/file-kind.ts'
import { withoutOwn } from './own-networks.ts'
import { EXIT, print, runOnRedis, type Target } from './redis.ts'
import { counted, textOf } from './text.ts'
import { readUntil, untilText } from './until.ts'

/** What the command was asked for. */
export type BanImportOptions = {
  for?: string
  strict?: boolean
  withPrivate?: boolean
  dryRun?: boolean
  json?: boolean
}

/** Ranges that are read of one file: 100 bytes each until they are merged. */
const RANGES_MAX = 5_000_000

/** What a file says, and what could not be read of it. */
type Read = { ranges: Ranges; allowed: number; bad: BadLines }

/** Bans the networks of a blocklist (`-`: standard input); answers the exit code. */
export const importBans = (file: string, options: BanImportOptions): Promise<number> =>
  runOnRedis(options.dryRun ? 'read' : 'write', async (target) => {
    const untilS = options.for === undefined ? undefined : readUntil('--for', options.for, target.nowS)
    const bar = makeBar()
    try {
      const read = await readBlocklist(file, (done, total) => bar.show({ doing: 'reading', done, total }))
      bar.stop()
      if (read.bad.count > 0) {
        const head = `redswarm: ${counted(read.bad.count, 'line')} of ${nameOf(file)} cannot be read`
        process.stderr.write(badLinesText(head, read.bad))
      }
      if (options.strict && read.bad.count > 0) return EXIT.notAll
      const { entries, own, most } = entriesOf(read.ranges, untilS, options.withPrivate === true)
      for (const text of most) process.stderr.write(`redswarm: ${nameOf(file)} bans ${text}\n`)
      const onBatch = (done: number) => bar.show({ doing: 'banning', done, total: entries.length })
      const outcome = await (options.dryRun ? compare(target, entries) : ban(target, entries, onBatch))
      bar.stop()
      const { ipv4, ipv6 } = read.ranges
      const report = { ranges: ipv4.length + ipv6.length, networks: entries.length, ...outcome }
      await print(
        options.json
          ? jsonLine({
              ...{ file, dry_run: options.dryRun === true, ...report, until: untilS ?? null },
              ...{ not_blocked: read.allowed, private_left_out: own, bad_lines: read.bad.count },
            })
          : textFor(file, { ...report, allowed: read.allowed, own }, untilText(untilS, target.nowS), options),
      )
      return read.bad.count === 0 ? EXIT.done : EXIT.notAll
    } finally {
      bar.stop()
      // What is not read would keep the process, and whoever writes it.
      if (file === '-') process.stdin.destroy()
    }
  })

async function readBlocklist(file: string, onProgress: (done: number, total: number) => void): Promise<Read> {
  const read: Read = { ranges: { ipv4: [], ipv6: [] }, allowed: 0, bad: noBadLines() }
  const { ranges } = read
  let number = 0
  for await (const { lines, done, total } of linesOf(file)) {
    for (const line of lines) {
      number += 1
      const said = parseBlocklistLine(line)
      if (said.kind === 'range') ranges[said.family].push(said.range)
      else if (said.kind === 'allowed') read.allowed += 1
      else if (said.kind === 'bad') addBadLine(read.bad, { number, text: line.trim(), problem: said.problem })
    }
    if (ranges.ipv4.length + ranges.ipv6.length > RANGES_MAX)
      throw new OperatorError(`${nameOf(file)} has more than ${shown(RANGES_MAX)} ranges, which is the most`)
    if (total > 0) onProgress(done, total)
  }
  return read
}

/**
 * The bans of some ranges, merged; how many of these are left out, or in part, since they may be the operator's own; and of which
 * family they are nearly all addresses.
 */
function entriesOf(ranges: Ranges, untilS: number | undefined, withPrivate: boolean) {
  const entries: ListEntry[] = []
  const most: string[] = []
  let own = 0
  for (const family of ['ipv4', 'ipv6'] as const) {
    const merged = mergeRanges(ranges[family])
    most.push(...[mostBlocked(family, merged)].filter((text) => text !== undefined))
    for (const range of merged) {
      const { left, isLess } = withPrivate ? { left: [range], isLess: false } : withoutOwn(range, family)
      if (isLess) own += 1
      for (const part of left)
        for (const network of networksOfRange(part, ADDRESS_BITS[family])) entries.push(banEntry({ network, untilS }))
      if (entries.length > BANS_MAX)
        throw new OperatorError(`these are more than ${shown(BANS_MAX)} networks, which is the most that can be banned`)
    }
  }
  return { entries, own, most }
}

type Outcome = { added: number; prolonged: number; unchanged: number }

async function ban(target: Target, entries: readonly ListEntry[], onBatch: (done: number) => void): Promise<Outcome> {
  const list = makeBanList(target)
  const outcome = { added: 0, prolonged: 0, unchanged: 0 }
  for (let at = 0; at < entries.length; at += CHANGED_AT_ONCE) {
    // What is banned for longer already stays so: a list that is imported each week ends no ban of the operator's own.
    for (const each of await list.put(entries.slice(at, at + CHANGED_AT_ONCE), true)) outcome[OUTCOMES[each]] += 1
    onBatch(at)
  }
  return outcome
}

const OUTCOMES = { new: 'added', changed: 'prolonged', same: 'unchanged' } as const

/** What would be done; that a ban would last longer is not told apart from that it would not. */
async function compare(target: Target, entries: readonly ListEntry[]): Promise<Outcome> {
  const list = makeBanList(target)
  let added = 0
  for (let at = 0; at < entries.length; at += CHANGED_AT_ONCE) {
    const found = await list.find(entries.slice(at, at + CHANGED_AT_ONCE).map(([name]) => name))
    added += found.filter((until) => until === undefined).length
  }
  return { added, prolonged: 0, unchanged: entries.length - added }
}

function textFor(
  file: string,
  report: Outcome & { ranges: number; networks: number; allowed: number; own: number },
  until: string,
  { dryRun = false }: BanImportOptions,
): string {
  const { ranges, networks, allowed, own, added, prolonged, unchanged } = report
  const before = prolonged > 0 ? `${shown(prolonged)} for longer now, ` : ''
  return textOf([
    `  ${nameOf(file)}: ${counted(ranges, 'range')}, ${counted(networks, 'network')}`,
    ...(allowed > 0 ? [`  ${counted(allowed, 'line')} of a level above 127: not blocked by the list`] : []),
    ...(own > 0
      ? [`  ${counted(own, 'range')} left out or cut: this machine and private networks (--with-private)`]
      : []),
    `  ${shown(added)} ${dryRun ? 'would be banned' : 'banned'}, ${before}${shown(unchanged)} banned before; ${until}`,
  ])
}
