import { OperatorError } from '../../../lib/errors.ts'
import { jsonLine, printable, shown } from '../../../lib/observe/table.ts'
import { keepAuditResult } from '../../../lib/store/audit/result.ts'
import { auditAll } from '../../../lib/store/audit.ts'
import { makeBanList } from '../../../lib/store/bans.ts'
import { makeClientList } from '../../../lib/store/clients.ts'
import { makeDeniedList } from '../../../lib/store/denied.ts'
import { ahead } from '../../../lib/store/move/ahead.ts'
import { makeImporter } from '../../../lib/store/move/import.ts'
import {
  EXPORTED,
  type ExportTotals,
  type ImportMark,
  keepMark,
  makeImportReport,
  type OpenedExport,
  openExport,
  readMark,
} from '../../../lib/store/move/progress.ts'
import { makeSwarmReader } from '../../../lib/store/reader.ts'
import { makeWhitelist } from '../../../lib/store/whitelist.ts'
import { makeBar } from '../bar.ts'
import { quoted } from '../given.ts'
import type { Outside } from '../outside.ts'
import { EXIT, print, runOnRedis, runToEnd, type Target } from '../redis.ts'
import { findKind, nameOf } from './file-kind.ts'
import { type Imported, importText, verdictOf } from './import-text.ts'

/** What the command was asked for. */
export type ImportCommandOptions = { dryRun?: boolean; merge?: boolean; json?: boolean }

/** Takes over a file: an export of redswarm's, or a Torrust Tracker's database (which may be told by the word torrust). */
export async function importFile(
  outside: Outside,
  words: readonly string[],
  options: ImportCommandOptions,
): Promise<number> {
  return runToEnd(async () => {
    const [word = '', second, ...more] = words
    const file = second ?? word
    if (more.length > 0 || (second !== undefined && word !== 'torrust'))
      throw new OperatorError(`one file can be imported at a time, not ${words.map(quoted).join(', ')} as well`)
    try {
      const found = second === undefined ? await findKind(file) : ({ kind: 'torrust' } as const)
      if (found.kind === 'torrust') return await (await import('./torrust.ts')).importTorrust(file, options)
      const opened = await openExport(nameOf(file), found.bytes)
      return await (options.dryRun ? look(file, opened, options) : importExport(outside, file, opened, options))
    } finally {
      // What is not read would keep the process, and whoever writes it.
      if (file === '-') process.stdin.destroy()
    }
  })
}

/** Reads a file to its end, and tells what is in it. */
async function look(file: string, { header, steps }: OpenedExport, { json }: ImportCommandOptions): Promise<number> {
  let end = '{}'
  for await (const { lines } of steps) end = lines.at(-1) ?? end
  const counts = (JSON.parse(end) as { end: Record<(typeof EXPORTED)[number], number> }).end
  const { id, at, version, peers } = header
  const what = EXPORTED.map((name) => `${name} ${shown(counts[name])}`).join(', ')
  await print(
    json
      ? jsonLine({ file, dry_run: true, id, at, version, with_peers: peers, ...counts })
      : `  ${nameOf(file)} is whole: an export by redswarm ${printable(version)}, ${what}\n`,
  )
  return EXIT.done
}

const importExport = (
  { chance }: Outside,
  file: string,
  { header, steps }: OpenedExport,
  { merge = false, json = false }: ImportCommandOptions,
): Promise<number> =>
  runOnRedis('write', async (target) => {
    const { redis, keys, settings } = target
    const known = await readMark(redis, keys, header.id)
    const mark: ImportMark = known ?? { line: 0, report: makeImportReport(), before: await totalsOf(target) }
    if (!known && !merge) await refuseOthers(target)
    const { report, line: resumedAfter } = mark
    const { peerLifetimeS, peerDetails } = settings
    const random = () => chance(4).readUInt32BE() / 2 ** 32
    const importStep = makeImporter({ ...target, peerLifetimeS, peerDetails, random }, report)
    const bar = makeBar()
    try {
      for await (const step of ahead(steps)) {
        const line = step.first + step.lines.length
        if (line <= mark.line) continue
        await importStep(step)
        mark.line = line
        await keepMark(redis, keys, header.id, mark)
        bar.show({
          doing: 'importing',
          done: report.torrents.rows,
          total: Math.max(header.torrents, report.torrents.rows),
        })
      }
      const audit = await auditAll({ redis, keys, peerLifetimeS, onProgress: bar.show })
      bar.stop()
      await keepAuditResult(redis, keys, audit)
      await redis.del(keys.import)
      const stored = await totalsOf(target)
      const imported: Imported = {
        ...{ file, header, report, audit, stored, before: mark.before, resumedAfter },
      }
      const verdict = verdictOf(imported)
      await print(json ? jsonLine(bodyOf(imported, verdict)) : importText(imported, verdict, target.name))
      return verdict.isAll ? EXIT.done : EXIT.notAll
    } finally {
      bar.stop()
    }
  })

async function totalsOf(target: Target): Promise<ExportTotals> {
  const { torrents, seeders, leechers } = await makeSwarmReader(target).totals()
  return { torrents, peers: seeders + leechers }
}

/** Throws an OperatorError where a tracker's data are here already: nobody should mix two by mistake. */
async function refuseOthers(target: Target): Promise<void> {
  const { redis, keys } = target
  const { torrents } = await totalsOf(target)
  const listed = await makeWhitelist(target).after({ hex: '', limit: 1 })
  const [passkeys, bans, denied, clients, others] = [
    await redis.hlen(keys.passkeys),
    await makeBanList(target).count(),
    await makeDeniedList(target).count(),
    await makeClientList(target).count(),
    await redis.exists(keys.import),
  ]
  const held = [
    ...(torrents > 0 ? [`${shown(torrents)} torrents`] : []),
    ...(listed.length > 0 ? ['a whitelist'] : []),
    ...(passkeys > 0 ? [`${shown(passkeys)} keys`] : []),
    ...(bans > 0 ? [`${shown(bans)} bans`] : []),
    ...(denied > 0 ? [`${shown(denied)} denied torrents`] : []),
    ...(clients > 0 ? [`${shown(clients)} rules of clients`] : []),
    ...(others > 0 ? ['an import of another file that was interrupted'] : []),
  ]
  if (held.length === 0) return
  throw new OperatorError(
    `${target.name} holds a tracker already: ${held.join(', ')}\n` +
      '  with --merge the two become one: of a peer the later announce counts, of completed downloads, accounts and counters the larger\n' +
      '  number, of keys, bans, denied torrents and clients what the file says, of secrets the one that is here; both whitelists are listed.\n' +
      '  Else set another Redis, or REDSWARM_KEY_PREFIX.',
  )
}

function bodyOf(
  { file, header, report, audit, stored, resumedAfter }: Imported,
  { isAll, notes }: ReturnType<typeof verdictOf>,
) {
  const { id, at, version, peers } = header
  const outcomes = Object.fromEntries(EXPORTED.map((name) => [name, report[name]]))
  return {
    ...{ file, id, at, version, with_peers: peers, ...outcomes, secret: report.secret, problems: report.problems },
    ...{ resumed_after_line: resumedAfter, stored, drift: audit.drift, is_all: isAll, notes },
  }
}
