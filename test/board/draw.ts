// Draws what the Grafana dashboard shows of a tracker under load, by its own queries: `npm run board`.
import { writeFile } from 'node:fs/promises'
import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { exitOnSignals } from '../support/at-exit.ts'
import { boardPanels, type Line, linesOf, type Panel } from './board.ts'
import { missingPrometheus, startPrometheus } from './prometheus.ts'
import { startScene } from './scene.ts'

const PICTURE = new URL('../../docs/pictures/board.svg', import.meta.url)
/** Load that grows and shrinks: seconds, and UDP requests a second. */
const WAVES: [seconds: number, ratePerS: number][] = [
  [15, 500],
  [20, 2000],
  [15, 4000],
  [10, 1000],
]
const COLUMNS = 4
const WIDTH_PX = 250
const HEIGHT_PX = 110
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8c6d00', '#666666']

/** Grafana's names of units, for people. */
const UNITS: Record<string, string> = { reqps: ', a second', ops: ', a second', s: ', s', bytes: ', bytes' }

type Drawn = { panel: Panel; lines: Line[] }

const title = ({ title, fieldConfig }: Panel) => ({
  text: `${title}${UNITS[fieldConfig.defaults.unit] ?? ''}`,
  anchor: 'start' as const,
  fontSize: 12,
})

/** A panel of one figure: its last value. */
const figureSpec = ({ panel, lines }: Drawn) => {
  const last = lines[0]?.points.at(-1)?.[1] ?? Number.NaN
  return {
    ...{ title: title(panel), width: WIDTH_PX, height: HEIGHT_PX },
    data: { values: [{ text: Number(last.toPrecision(4)).toLocaleString('en-US') }] },
    mark: { type: 'text' as const, fontSize: 26, color: COLOURS[0] as string },
    encoding: { text: { field: 'text', type: 'nominal' as const } },
  }
}

const linesSpec = ({ panel, lines }: Drawn, startS: number) => ({
  ...{ title: title(panel), width: WIDTH_PX, height: HEIGHT_PX },
  data: {
    values: lines.flatMap(({ name, points }) => points.map(([atS, value]) => ({ name, s: atS - startS, value }))),
  },
  mark: { type: 'line' as const, strokeWidth: 1.2 },
  encoding: {
    x: { field: 's', type: 'quantitative' as const, title: null },
    y: {
      ...{ field: 'value', type: 'quantitative' as const, title: null, axis: { tickCount: 4, format: '~s' } },
      // An axis of nothing but zeros has no length.
      scale: lines.some(({ points }) => points.some(([, value]) => value > 0)) ? {} : { domain: [0, 1] },
    },
    color: { field: 'name', type: 'nominal' as const, title: null, scale: { range: COLOURS } },
  },
})

const specOf = (drawn: readonly Drawn[], startS: number): TopLevelSpec => ({
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  ...{ background: '#ffffff', padding: 12, columns: COLUMNS },
  concat: drawn.map((each) => (each.panel.type === 'stat' ? figureSpec : linesSpec)(each, startS)),
  resolve: { scale: { color: 'independent', x: 'independent', y: 'independent' } },
  config: {
    font: 'Helvetica, Arial, sans-serif',
    axis: { labelFontSize: 9, labelColor: '#222222', gridColor: '#eeeeee' },
    legend: { labelFontSize: 9, orient: 'bottom', columns: 2, labelLimit: 115, symbolSize: 40, labelColor: '#222222' },
    title: { color: '#222222' },
    view: { stroke: '#cccccc' },
  },
})

exitOnSignals()
const missing = missingPrometheus()
if (missing !== undefined) {
  console.error(missing)
  process.exit(1)
}
const scene = await startScene()
const prometheus = await startPrometheus(scene.metrics, '')
const startS = Math.floor(Date.now() / 1000)
await scene.audit()
for (const [seconds, ratePerS] of WAVES) {
  console.log(`${seconds} s at ${ratePerS} requests/s`)
  await scene.load(seconds, ratePerS)
}
const drawn: Drawn[] = []
const seconds = Math.ceil(Date.now() / 1000) - startS
for (const panel of boardPanels()) drawn.push({ panel, lines: await linesOf(panel, prometheus, seconds) })
await prometheus.stop()
await scene.stop()
const view = new View(parse(compile(specOf(drawn, startS)).spec), { renderer: 'none' })
await writeFile(PICTURE, await view.toSVG())
view.finalize()
console.log('docs/pictures/board.svg is drawn')
