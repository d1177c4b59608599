import { CHART_MS, KINDS } from './figures.js'
import { clock, rate } from './format.js'
import { html } from './html.js'

/** @import { Actions, Sample, State } from './types.d.ts' */

const WIDTH = 600
const HEIGHT = 160
/** Samples come each second; where more is between two, nothing was read. */
const GAP_MS = 5000
const MINUTES = [5, 4, 3, 2, 1, 0]
/** The table beside the chart has a row for so much. */
const ROW_MS = 30_000

/** Requests a second of the last minutes, by kind. @param {State} state @param {Actions} actions */
export function chart({ samples, at, pointedAt }, { update }) {
  const top = niceTop(Math.max(1, ...samples.flatMap((sample) => KINDS.map((kind) => sample[kind.sample]))))
  const shown = (pointedAt !== undefined && nearest(samples, pointedAt)) || samples.at(-1)
  /** @param {number} ms */
  const x = (ms) => WIDTH * (1 - (at - ms) / CHART_MS)
  /** @param {PointerEvent & { currentTarget: Element }} event */
  const point = ({ clientX, currentTarget }) => {
    const { left, width } = currentTarget.getBoundingClientRect()
    update({ pointedAt: at - CHART_MS * (1 - (clientX - left) / width) })
  }
  const mark = pointedAt !== undefined && shown ? x(shown.at) : undefined
  return html`<figure class="chart">
    <figcaption>
      <ul class="legend">
        ${KINDS.map(
          ({ name, sample }) => html`<li key=${name}>
            <svg class=${`line ${sample}`} viewBox="0 0 24 6" aria-hidden="true"><path d="M0 3H24" /></svg>
            ${name} <b>${shown ? rate(shown[sample]) : '–'}</b>
          </li>`,
        )}
        <li class="when">${mark !== undefined && shown ? `at ${clock(shown.at)}` : 'a second, now'}</li>
      </ul>
    </figcaption>
    <div class="plot">
      <div class="scale" aria-hidden="true"><span>${rate(top)}</span><span>${rate(top / 2)}</span><span>0</span></div>
      <svg role="img" aria-label=${inWords(samples)} viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none"
        onPointerMove=${point} onPointerLeave=${() => update({ pointedAt: undefined })}>
        ${[0, 0.5, 1].map((part) => html`<path key=${part} class="grid" d=${`M0 ${HEIGHT * part}H${WIDTH}`} />`)}
        ${MINUTES.map((minute) => html`<path key=${`m${minute}`} class="grid" d=${`M${x(at - minute * 60_000)} 0V${HEIGHT}`} />`)}
        ${KINDS.map(({ sample }) => html`<path key=${sample} class=${`line ${sample}`} d=${lineOf(samples, sample, x, top)} />`)}
        ${mark !== undefined && html`<path class="mark" d=${`M${mark} 0V${HEIGHT}`} />`}
      </svg>
      <div class="times" aria-hidden="true">${MINUTES.map((minute) => html`<span key=${minute}>${minute === 0 ? 'now' : `−${minute} min`}</span>`)}</div>
    </div>
    ${tableOf(samples, at)}
  </figure>`
}

/** @param {Sample[]} samples @param {keyof Sample} kind @param {(ms: number) => number} x @param {number} top */
function lineOf(samples, kind, x, top) {
  let last = Number.NEGATIVE_INFINITY
  return samples
    .map((sample) => {
      const command = sample.at - last > GAP_MS ? 'M' : 'L'
      last = sample.at
      return `${command}${x(sample.at).toFixed(1)} ${(HEIGHT * (1 - sample[kind] / top)).toFixed(1)}`
    })
    .join('')
}

/** The next round number. @param {number} value */
function niceTop(value) {
  const step = 10 ** Math.floor(Math.log10(value))
  return step * ([1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((times) => step * times >= value) ?? 10)
}

/** @param {Sample[]} samples @param {number} ms */
const nearest = (samples, ms) =>
  samples.reduce(
    (best, sample) => (!best || Math.abs(sample.at - ms) < Math.abs(best.at - ms) ? sample : best),
    /** @type {Sample | undefined} */ (undefined),
  )

/** What the lines show, for who does not see them. @param {Sample[]} samples */
function inWords(samples) {
  if (samples.length === 0) return 'Requests a second: nothing was read yet'
  const ranges = KINDS.map(({ name, sample }) => {
    const values = samples.map((each) => each[sample])
    return `${name.toLowerCase()} ${rate(Math.min(...values))} to ${rate(Math.max(...values))}`
  })
  return `Requests a second in the last 5 minutes: ${ranges.join(', ')}. The same is in the table below.`
}

/** @param {Sample[]} samples @param {number} at */
function tableOf(samples, at) {
  const last = Math.floor(at / ROW_MS) * ROW_MS
  const rows = Array.from({ length: CHART_MS / ROW_MS }, (_, i) => last - i * ROW_MS).flatMap((ms) => {
    const sample = nearest(samples, ms)
    return sample && Math.abs(sample.at - ms) < GAP_MS ? [{ ...sample, at: ms }] : []
  })
  return html`<details>
    <summary>The chart as a table</summary>
    <table class="plain">
      <caption class="unseen">Requests a second, every 30 seconds</caption>
      <thead><tr><th scope="col">Time</th>${KINDS.map(({ name }) => html`<th key=${name} scope="col" class="number">${name}</th>`)}</tr></thead>
      <tbody>
        ${rows.map(
          (row) => html`<tr key=${row.at}><th scope="row">${clock(row.at)}</th>
            ${KINDS.map(({ name, sample }) => html`<td key=${name} class="number">${rate(row[sample])}</td>`)}</tr>`,
        )}
      </tbody>
    </table>
  </details>`
}
