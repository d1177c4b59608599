import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import { figure } from './table.ts'

/** A bar: a value, and the ends of its confidence interval where it has one. Bars of one label stand together by series. */
export type ChartRow = { label: string; series?: string; value: number; low?: number; high?: number }

/** What a chart shows; `isLog` where the values differ by more than some ten times. */
export type Chart = { title: string; unit: string; rows: readonly ChartRow[]; isLog?: boolean }

const WIDTH_PX = 560
const BAR_PX = 16
/** Okabe and Ito's colours, which the colour-blind tell apart. */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8c6d00', '#666666', '#000000']

/**
 * A chart of horizontal bars with error bars, as the text of an SVG that is legible on light and dark pages. On a
 * logarithmic axis, which has no zero for a bar to start from, the values are dots.
 */
export async function barChart(chart: Chart): Promise<string> {
  const view = new View(parse(compile(specOf(chart)).spec), { renderer: 'none' })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

function specOf({ title, unit, rows, isLog = false }: Chart): TopLevelSpec {
  const series = [...new Set(rows.map((row) => row.series ?? ''))]
  const isGrouped = series.length > 1
  const values = rows.map((row) => ({
    label: row.label,
    series: row.series ?? '',
    value: row.value,
    low: row.low ?? row.value,
    high: row.high ?? row.value,
    text: figure(row.value),
  }))
  const quantity = {
    type: 'quantitative',
    title: unit,
    scale: { type: isLog ? 'log' : 'linear', ...(!isLog && { zero: true }) },
  } as const
  const offset = { field: 'series', type: 'nominal', sort: null } as const
  const label = { field: 'label', type: 'nominal', sort: null, title: null } as const
  const place = isGrouped ? { y: label, yOffset: offset } : { y: label }
  const colour = isGrouped
    ? ({
        field: 'series',
        type: 'nominal',
        sort: null,
        title: null,
        scale: { domain: series, range: COLOURS },
      } as const)
    : ({ value: COLOURS[0] } as const)
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: { text: title, anchor: 'start', fontSize: 14 },
    background: '#ffffff',
    padding: 12,
    width: WIDTH_PX,
    height: { step: BAR_PX, for: isGrouped ? 'offset' : 'position' },
    data: { values },
    layer: [
      {
        mark: isLog ? { type: 'point', filled: true, size: 60 } : { type: 'bar' },
        encoding: { ...place, x: { field: 'value', ...quantity }, color: colour },
      },
      {
        mark: { type: 'rule', strokeWidth: 1.5, color: '#222222' },
        encoding: { ...place, x: { field: 'low', ...quantity }, x2: { field: 'high' } },
      },
      {
        mark: { type: 'text', align: 'left', dx: isLog ? 7 : 4, fontSize: 10, color: '#222222' },
        encoding: { ...place, x: { field: 'high', ...quantity }, text: { field: 'text', type: 'nominal' } },
      },
    ],
    config: {
      font: 'Helvetica, Arial, sans-serif',
      // Zero: no label is cut.
      axis: { labelLimit: 0, labelFontSize: 11, titleFontSize: 11, labelColor: '#222222', titleColor: '#222222' },
      legend: { labelLimit: 0, labelFontSize: 11, orient: 'bottom', columns: 4, labelColor: '#222222' },
      title: { color: '#222222' },
      view: { stroke: '#cccccc' },
    },
  }
}
