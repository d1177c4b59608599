import { shown } from '../../../lib/observe/table.ts'
import { COMPLETED_MAX, type CompletedCount, makeCompletedImporter } from '../../../lib/store/completed.ts'
import { type Importer, makeKeyImport, makeListingImport } from '../../../lib/store/move/access.ts'
import { addOutcome, noOutcome, type Outcome } from '../../../lib/store/move/outcome.ts'
import { PROBLEMS_TOLD_MAX } from '../../../lib/store/move/progress.ts'
import type { Passkey } from '../../../lib/store/passkeys.ts'
import { VALID_UNTIL_S_MAX } from '../../../lib/store/until.ts'
import { isPasskey, PASSKEY_CHARS } from '../../../lib/swarm/access.ts'
import { type InfoHash, infoHashFromHex, toInfoHash } from '../../../lib/wire/info-hash.ts'
import { makeBar } from '../bar.ts'
import { quoted } from '../given.ts'
import { EXIT, print, runOnRedis, type Target } from '../redis.ts'
import { outcomeTable } from './outcome-text.ts'
import { openTorrustDatabase, type Row, type Table, type Value } from './torrust-database.ts'

type Part = Outcome & { table: string }
type Report = { file: string; dry_run: boolean; whitelist: Part; keys: Part; completed: Part; problems: string[] }

/** A row that cannot be taken over, and why. */
type Bad = { problem: string }

/** Takes over what a Torrust Tracker's sqlite database holds; answers the exit code. */
export const importTorrust = (
  path: string,
  { dryRun = false, json = false }: { dryRun?: boolean; json?: boolean },
): Promise<number> =>
  runOnRedis(dryRun ? 'read' : 'write', async (target) => {
    const database = openTorrustDatabase(path)
    const bar = makeBar()
    const problems: string[] = []
    const total = database.whitelist.rows + database.keys.rows + database.torrents.rows
    let done = 0
    const takeOver = async <T extends object>(table: Table, read: (row: Row) => T | Bad, take: Importer<T>) => {
      const part: Part = { table: table.name, ...noOutcome() }
      for (const page of table.pages()) {
        const items = page.map(read)
        const { problems: damage = [], ...outcome } = await take(items.filter((item): item is T => !isBad(item)))
        addOutcome(part, { ...outcome, rows: page.length })
        const wrong = [...items.filter(isBad).map(({ problem }) => problem), ...damage]
        part.bad += wrong.length
        for (const problem of wrong.slice(0, PROBLEMS_TOLD_MAX - problems.length))
          problems.push(`${table.name}: ${problem}`)
        done += page.length
        bar.show({ doing: table.name, done, total })
      }
      return part
    }
    try {
      const report: Report = {
        file: path,
        dry_run: dryRun,
        whitelist: await takeOver(database.whitelist, readListed, makeListingImport(target, dryRun)),
        keys: await takeOver(database.keys, readPasskey, makeKeyImport(target, dryRun)),
        completed: await takeOver(database.torrents, readCompleted, makeCompletedImport(target, dryRun)),
        problems,
      }
      bar.stop()
      await print(json ? `${JSON.stringify(report)}\n` : textOf(report, target))
      return badOf(report) === 0 ? EXIT.done : EXIT.notAll
    } finally {
      bar.stop()
      database.close()
    }
  })

const isBad = (item: object): item is Bad => 'problem' in item

const badOf = ({ whitelist, keys, completed }: Report): number => whitelist.bad + keys.bad + completed.bad

function makeCompletedImport(target: Target, dryRun: boolean): Importer<CompletedCount> {
  const importAll = makeCompletedImporter(target)
  return async (items) => {
    const counted = items.filter(({ completed }) => completed > 0)
    const outcomes = await importAll(counted, dryRun ? 'look' : 'write')
    const countOf = (wanted: string): number => outcomes.filter((outcome) => outcome === wanted).length
    const problems = outcomes.flatMap((outcome) => (typeof outcome === 'object' ? [outcome.damaged] : []))
    const unchanged = countOf('unchanged') + items.length - counted.length
    return { added: countOf('created'), changed: countOf('raised'), unchanged, problems }
  }
}

function readListed({ id }: Row): { infoHash: InfoHash } | Bad {
  const infoHash = readHash(id)
  return infoHash ? { infoHash } : { problem: `${shownValue(id)} is no info hash` }
}

function readPasskey({ id, value }: Row): Passkey | Bad {
  if (typeof id !== 'string' || !isPasskey(id)) {
    return { problem: `${shownSecret(id)} is not ${PASSKEY_CHARS} letters and digits` }
  }
  if (value === null) return { passkey: id, validUntilS: undefined }
  const validUntilS = Number(value)
  if (typeof value !== 'bigint' || validUntilS < 0) {
    return { problem: `${shownSecret(id)} is valid until ${shownValue(value)}, which is no time` }
  }
  return { passkey: id, validUntilS: Math.min(validUntilS, VALID_UNTIL_S_MAX) }
}

function readCompleted({ id, value }: Row): CompletedCount | Bad {
  const infoHash = readHash(id)
  if (!infoHash) return { problem: `${shownValue(id)} is no info hash` }
  if (typeof value !== 'bigint' || value < 0n || value > COMPLETED_MAX) {
    return {
      problem: `${shownValue(id)} is completed ${shownValue(value)} times, and 0 to ${COMPLETED_MAX} are possible`,
    }
  }
  return { infoHash, completed: Number(value) }
}

/** As text of 40 hex digits, which Torrust writes, or as 20 bytes. */
function readHash(id: Value): InfoHash | undefined {
  if (typeof id === 'string') return infoHashFromHex(id)
  return id instanceof Uint8Array ? toInfoHash(Buffer.from(id)) : undefined
}

/** So much of a key that its owner knows it, and nobody can use it. */
const shownSecret = (id: Value): string =>
  id === null ? 'null' : `a key that begins with ${shownValue(String(id).slice(0, 4))}`

const shownValue = (value: Value): string =>
  value instanceof Uint8Array ? `x'${Buffer.from(value).toString('hex').slice(0, 80)}'` : quoted(String(value))

function textOf(report: Report, { settings }: Target): string {
  const { whitelist, keys, completed, problems } = report
  const more = badOf(report) - problems.length
  const lines = [
    report.dry_run ? `  What an import of ${report.file} would do` : `  Imported ${report.file}`,
    '',
    ...outcomeTable({ whitelist, keys, completed }),
    ...(problems.length > 0 ? ['', ...problems.map((problem) => `  left out: ${problem}`)] : []),
    ...(more > 0 ? [`  … and ${shown(more)} more`] : []),
    '',
    ...(whitelist.rows > 0 && !settings.listed
      ? ['  REDSWARM_LISTED=true makes a tracker serve only what is listed.']
      : []),
    ...(keys.rows > 0 && !settings.isPrivate ? ['  REDSWARM_PRIVATE=true makes it ask for keys: /announce/KEY.'] : []),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}
