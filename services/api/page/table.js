import { count } from './format.js'
import { html } from './html.js'
import { linkTo, pageOf } from './routes.js'

/** @import { Answer, Content, State } from './types.d.ts' */

/**
 * A column: what it is called, and what is in it. The one that names the row is its head.
 * @template Row
 * @typedef {{ name: string, cell: (row: Row, index: number) => Content, isHead?: boolean, isNumber?: boolean, isWide?: boolean }} Column
 */

/**
 * A table. On a narrow screen each row is a block of its own, so the roles, which such a layout takes away, are written.
 * @template Row
 * @param {{ caption: string, columns: Column<Row>[], rows: readonly Row[], keyOf: (row: Row) => string, empty: string, fit?: 'broad' | 'dense' }} options
 */
export function table({ caption, columns, rows, keyOf, empty, fit }) {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`
  // A broad one can be scrolled, also by the keys; a dense one has room everywhere.
  const scrolled = fit === 'broad' ? { tabindex: 0, role: 'group', 'aria-label': caption } : {}
  return html`<div class="scroll" ...${scrolled}><table role="table" class=${fit}>
    <caption class="unseen">${caption}</caption>
    <thead role="rowgroup"><tr role="row">
      ${columns.map(({ name, isNumber }) => html`<th key=${name} role="columnheader" scope="col" class=${isNumber ? 'number' : ''}>${name}</th>`)}
    </tr></thead>
    <tbody role="rowgroup">
      ${rows.map((row, index) => html`<tr role="row" key=${keyOf(row)}>${columns.map((column) => cell(column, row, index))}</tr>`)}
    </tbody>
  </table></div>`
}

/** @template Row @param {Column<Row>} column @param {Row} row @param {number} index */
function cell(column, row, index) {
  const { name, isHead, isNumber, isWide } = column
  const kind = [isNumber && 'number', isWide && 'wide'].filter(Boolean).join(' ')
  const content = column.cell(row, index)
  return isHead
    ? html`<th key=${name} role="rowheader" scope="row" class=${kind} data-name=${name}>${content}</th>`
    : html`<td key=${name} role="cell" class=${kind} data-name=${name}>${content}</td>`
}

/**
 * Links to the first page, the one before and the next one. A page knows by its cursor what comes next, but not what was
 * before: that is known where one has come from there.
 * @param {State} state
 * @param {{ of: string, next: string | null | undefined, cursor: string, page?: string, keep?: Record<string, string | null | undefined> }} options
 */
export function pager({ route, trail }, { of, next, cursor, page = 'page', keep = {} }) {
  const number = pageOf(route, page)
  const path = route.hex === '' ? route.view : `${route.view}/${route.hex}`
  const here = linkTo(path, { ...keep, [page]: route.query.get(page), [cursor]: route.query.get(cursor) })
  const onward = next ? linkTo(path, { ...keep, [page]: number + 1, [cursor]: next }) : undefined
  const before = trail.get(here)
  const isFirst = route.query.get(cursor) === null
  if (isFirst && !onward) return null
  return html`<nav class="pager" aria-label=${`Pages of ${of}`}>
    ${link('First', isFirst ? undefined : linkTo(path, keep))}
    ${link('Previous', isFirst ? undefined : before)}
    <span>Page ${count(number)}</span>
    ${link('Next', onward, () => onward && trail.set(onward, here))}
  </nav>`
}

/** A link that goes nowhere stays where it is, so that the others do not move. @param {string} name @param {string | undefined} href @param {() => void} [onClick] */
const link = (name, href, onClick) =>
  href === undefined
    ? html`<span class="off" aria-disabled="true" role="link">${name}</span>`
    : html`<a href=${href} onClick=${onClick}>${name}</a>`

/**
 * What is told of an answer that is not there, or of one that is old.
 * @param {Answer | undefined} answer
 * @param {string} what
 */
export function standing(answer, what) {
  if (!answer || (answer.data === undefined && answer.problem === ''))
    return html`<p class="empty">Reading ${what} …</p>`
  if (answer.problem === '') return null
  const old =
    answer.data === undefined ? '' : ` Shown is what was read at ${new Date(answer.atMs).toLocaleTimeString('sv')}.`
  return html`<p class="problem">Could not read ${what}: ${answer.problem}.${old}</p>`
}
