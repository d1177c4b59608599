import { html } from './html.js'
import { keys } from './keys.js'
import { pager, standing, table } from './table.js'

/** @import { Actions, State } from './types.d.ts' */

/** Who is served what, for those who may change it, and to look at for others. @param {State} state @param {Actions} actions */
export function access(state, actions) {
  return html`${whitelist(state, actions)}${keys(state, actions)}`
}

/** @param {State} state @param {Actions} actions */
function whitelist(state, { list, unlist }) {
  const { tracker, answers, formProblem, route } = state
  const data = /** @type {{ info_hashes: string[], next: string | null } | undefined} */ (answers.whitelist?.data)
  const isAdmin = tracker?.token.is_admin === true
  /** @param {SubmitEvent & { currentTarget: HTMLFormElement }} event */
  const submit = (event) => {
    event.preventDefault()
    list(String(new FormData(event.currentTarget).get('hex')).trim())
    event.currentTarget.reset()
  }
  return html`<section class=${`panel ${answers.whitelist?.isLoading ? 'loading' : ''}`} aria-labelledby="whitelist">
    <h2 id="whitelist" tabindex="-1">Whitelist</h2>
    <p class="small">${
      tracker?.is_listed
        ? 'Only the torrents on this list are served. A change is effective with the next announce.'
        : html`All torrents are served: this list is not looked at, unless <code>REDSWARM_LISTED</code> is set.`
    }</p>
    ${
      isAdmin &&
      html`<form class="row" onSubmit=${submit}>
      <label>Info hash to list <input name="hex" required minlength="40" maxlength="40" pattern="[0-9a-fA-F]{40}" autocomplete="off"
        spellcheck=${false} title="40 hex digits" class="code" /></label>
      <button type="submit">List it</button>
      ${formProblem.whitelist && html`<p class="problem">${formProblem.whitelist}</p>`}
    </form>`
    }
    ${standing(answers.whitelist, 'the whitelist')}
    ${
      data &&
      table({
        caption: 'Listed torrents',
        rows: data.info_hashes,
        keyOf: (hex) => hex,
        empty: 'No torrent is listed.',
        columns: [
          {
            name: 'Info hash',
            isHead: true,
            isWide: true,
            cell: (hex) => html`<a class="hash" href=${`#/swarm/${hex}`}>${hex}</a>`,
          },
          ...(isAdmin
            ? [
                {
                  name: 'Change',
                  cell: (/** @type {string} */ hex) => html`<button type="button" class="quiet"
                  onClick=${() => unlist(hex)}>Take off …<span class="unseen"> the list: ${hex}</span></button>`,
                },
              ]
            : []),
        ],
      })
    }
    ${pager(state, { of: 'the whitelist', next: data?.next, cursor: 'after', keep: { keys: route.query.get('keys'), kpage: route.query.get('kpage') } })}
  </section>`
}
