import { nowS } from './figures.js'
import { bytes, dateTime, duration } from './format.js'
import { html } from './html.js'
import { pager, standing, table } from './table.js'

/** @import { Actions, Amounts, Key, State } from './types.d.ts' */

/** The keys of a private tracker. @param {State} state @param {Actions} actions */
export function keys(state, actions) {
  const { tracker, answers } = state
  const isAdmin = tracker?.token.is_admin === true
  return html`<section class=${`panel ${answers.keys?.isLoading ? 'loading' : ''}`} aria-labelledby="keys">
    <h2 id="keys" tabindex="-1">Keys</h2>
    <p class="small">${
      tracker?.is_private
        ? html`Who announces must have one of these keys in the tracker’s URL: <code>/announce/KEY</code>.`
        : html`Nobody is asked for a key: they are not looked at, unless <code>REDSWARM_PRIVATE</code> is set.`
    }</p>
    ${isAdmin ? forAdmins(state, actions) : html`<p class="empty">Keys are secrets: a token that may only read is not shown them.</p>`}
  </section>`
}

/** @param {State} state @param {Actions} actions */
function forAdmins(state, actions) {
  const { addKey, update } = actions
  const { answers, formProblem, areKeysShown, route } = state
  const data = /** @type {{ keys: Key[], cursor: string | null } | undefined} */ (answers.keys?.data)
  /** @param {SubmitEvent & { currentTarget: HTMLFormElement }} event */
  const submit = async (event) => {
    event.preventDefault()
    const form = event.currentTarget
    const fields = new FormData(form)
    if (await addKey(String(fields.get('key')).trim(), String(fields.get('days')))) form.reset()
  }
  return html`
    <form class="row" onSubmit=${submit}>
      <label>Key <input name="key" class="code" autocomplete="off" spellcheck=${false} maxlength="32" placeholder="left empty: one by chance" /></label>
      <label>Valid for days <input name="days" type="number" min="1" max="100000" placeholder="for ever" /></label>
      <button type="submit">Add a key</button>
      ${formProblem.keys && html`<p class="problem">${formProblem.keys}</p>`}
    </form>
    ${standing(answers.keys, 'the keys')}
    ${
      data &&
      data.keys.length > 0 &&
      html`<label class="check"><input type="checkbox" checked=${areKeysShown}
      onChange=${() => update({ areKeysShown: !areKeysShown })} /> Show the keys in full</label>`
    }
    ${data && keysTable(state, data.keys, actions)}
    ${pager(state, { of: 'keys', next: data?.cursor, cursor: 'keys', page: 'kpage', keep: { after: route.query.get('after'), page: route.query.get('page') } })}`
}

/** @param {State} state @param {readonly Key[]} list @param {Actions} actions */
function keysTable(state, list, { removeKey, showAmounts }) {
  const now = nowS(state)
  return table({
    caption: 'Keys',
    rows: list,
    keyOf: (/** @type {Key} */ { key }) => key,
    empty: 'There are no keys.',
    columns: [
      {
        name: 'Key',
        isHead: true,
        isWide: true,
        cell: ({ key }) => html`<span class="code">${state.areKeysShown ? key : shortened(key)}</span>`,
      },
      { name: 'Valid', cell: ({ valid_until: until }) => validity(until, now) },
      { name: 'Moved', cell: ({ key }) => moved(state.amounts[key], key, showAmounts) },
      {
        name: 'Change',
        cell: (key) => html`<button type="button" class="quiet"
          onClick=${() => removeKey(key)}>Remove …<span class="unseen"> the key ${shortened(key.key)}</span></button>`,
      },
    ],
  })
}

/** The beginning of a key: enough to tell it from others, too little to use it. @param {string} key */
export const shortened = (key) => `${key.slice(0, 6)}…`

/** @param {number | null} until @param {number} now */
function validity(until, now) {
  if (until === null) return 'for ever'
  if (until <= now) return html`<span class="badge bad" title=${dateTime(until)}>expired</span>`
  return html`<span title=${dateTime(until)}>for another ${duration(until - now)}</span>`
}

/** What was moved is in up to 4,096 pieces in Redis: it is read where somebody asks. @param {Amounts | string | undefined} amounts @param {string} key @param {(key: string) => void} show */
function moved(amounts, key, show) {
  if (typeof amounts === 'string') return amounts
  if (amounts) return `${bytes(amounts.uploaded)} up, ${bytes(amounts.downloaded)} down`
  return html`<button type="button" class="quiet"
    onClick=${() => show(key)}>Show<span class="unseen"> what was moved with the key ${shortened(key)}</span></button>`
}
