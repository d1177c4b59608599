import { OperatorError } from '../../../lib/errors.ts'
import { jsonLine, printable, shown, shownBytes } from '../../../lib/observe/table.ts'
import { type ExportReport, exportAll, makeExportReport } from '../../../lib/store/move/export.ts'
import { makeBar } from '../bar.ts'
import type { Outside } from '../outside.ts'
import { EXIT, print, runOnRedis } from '../redis.ts'
import { textOf } from '../text.ts'
import { writeWhole } from './write-whole.ts'

/** What the command was asked for. */
export type ExportCommandOptions = { withoutPeers?: boolean; withSecret?: boolean; json?: boolean }

const ID_BYTES = 16

/** Writes the whole state of the tracker into a file, compressed where its name ends in .gz, or to standard output. */
export const exportTracker = (
  { chance, version }: Outside,
  file: string,
  { withoutPeers = false, withSecret = false, json = false }: ExportCommandOptions,
): Promise<number> =>
  runOnRedis('read', async ({ redis, keys }) => {
    const isStdout = file === '-'
    const bar = makeBar()
    const report = makeExportReport()
    const id = chance(ID_BYTES).toString('hex')
    let bytes = 0
    async function* texts(): AsyncGenerator<string> {
      for await (const { text, done, total } of exportAll(
        { redis, keys, id, version, withPeers: !withoutPeers, withSecret },
        report,
      )) {
        bytes += text.length
        // Standard output on a terminal is what the bar would be drawn into.
        if (!isStdout || !process.stdout.isTTY) bar.show({ doing: 'torrents', done, total: Math.max(done, total) })
        yield text
      }
    }
    try {
      await (isStdout ? toStdout(texts()) : writeWhole(file, texts()))
    } finally {
      bar.stop()
    }
    const { damaged, damagedCount, ...counts } = report
    const told = json
      ? jsonLine({ file, id, ...counts, bytes, damaged: damagedCount, problems: damaged })
      : textFor(file, bytes, report)
    // What was exported is on standard output already.
    if (isStdout) process.stderr.write(told)
    else await print(told)
    return damagedCount === 0 ? EXIT.done : EXIT.notAll
  })

async function toStdout(texts: AsyncIterable<string>): Promise<void> {
  for await (const text of texts)
    if (!(await print(text))) throw new OperatorError('nobody reads on: what was written is no whole export')
}

function textFor(file: string, bytes: number, report: ExportReport): string {
  const { torrents, peers, whitelist, keys, bans, denied, clients, accounts, reports, damaged, damagedCount } = report
  const to = file === '-' ? '' : ` to ${printable(file)}`
  const more = damagedCount - damaged.length
  return textOf([
    `  Exported ${shown(torrents)} torrents with ${shown(peers)} peers${to}: ${shownBytes(bytes)} of lines`,
    `  whitelist ${shown(whitelist)}, keys ${shown(keys)}, bans ${shown(bans)}, denied ${shown(denied)}, clients ${shown(clients)}, accounts ${shown(accounts)} (one for each shard of a key), reports ${shown(reports)}`,
    ...damaged.map((problem) => `  left out: ${printable(problem)}`),
    ...(more > 0 ? [`  … and ${shown(more)} more`] : []),
    ...(damagedCount > 0 ? ['  `redswarm audit --repair` mends what is damaged.'] : []),
  ])
}
