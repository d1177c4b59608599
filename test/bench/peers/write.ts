import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { barChart } from '../chart.ts'
import type { Summary } from './report.ts'
import type { Protocol } from './tracker.ts'

const DOCS = join(import.meta.dirname, '../../../docs')
const PAGE = join(DOCS, 'benchmarks.md')

/** Puts the text of a run between the page's markers, and its chart beside it. */
export async function writeDocs(protocol: Protocol, text: string, summaries: readonly Summary[]): Promise<void> {
  const [begin, end] = [`<!-- ${protocol}:begin -->`, `<!-- ${protocol}:end -->`]
  const page = await readFile(PAGE, 'utf8')
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${PAGE}: no ${begin} … ${end}`)
  await mkdir(join(DOCS, 'pictures'), { recursive: true })
  await writeFile(join(DOCS, 'pictures', pictureOf(protocol)), await cpuChart(protocol, summaries))
  await writeFile(PAGE, `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`)
}

/** The name of the chart of a protocol. */
export const pictureOf = (protocol: Protocol): string => (protocol === 'udp' ? 'peers-cpu.svg' : 'peers-http-cpu.svg')

/** CPU per response by tracker: medians, and the least and most of the rounds. */
function cpuChart(protocol: Protocol, summaries: readonly Summary[]): Promise<string> {
  return barChart({
    title: `CPU per response, ${protocol.toUpperCase()}`,
    unit: 'µs of CPU per response, all processes: median, least and most of the rounds',
    rows: summaries.map(({ tracker, cpuUs }) => ({
      label: tracker === 'redswarm' ? 'Redswarm, Redis included' : tracker,
      value: cpuUs.median,
      low: Math.min(...cpuUs.rounds),
      high: Math.max(...cpuUs.rounds),
    })),
  })
}
