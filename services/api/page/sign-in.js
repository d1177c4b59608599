import { html } from './html.js'

/** @import { Actions, State } from './types.d.ts' */

/** Asks for the token. @param {State} state @param {Actions} actions */
export function signIn({ signIn: { problem, isBusy } }, actions) {
  /** @param {SubmitEvent & { currentTarget: HTMLFormElement }} event */
  const submit = (event) => {
    event.preventDefault()
    const fields = new FormData(event.currentTarget)
    actions.signIn(String(fields.get('token')).trim(), fields.has('remembered'))
  }
  return html`<main class="bare">
    <h1 tabindex="-1"><img src="page/icon.svg" alt="" width="32" height="32" /> Redswarm</h1>
    <form class="panel" onSubmit=${submit}>
      <p>The dashboard shows what the API tells, and the API asks for a token.</p>
      <label>Token <input name="token" type="password" required autofocus autocomplete="off" spellcheck=${false}
        aria-describedby="token-problem" aria-invalid=${problem === '' ? undefined : 'true'} /></label>
      <p id="token-problem" role="alert" class="problem">${problem}</p>
      <label class="check"><input name="remembered" type="checkbox" /> Remember it in this browser</label>
      <button type="submit" aria-disabled=${isBusy ? 'true' : undefined}>${isBusy ? 'Asking …' : 'Open the dashboard'}</button>
      <p class="small">It was shown at the first start, and is in the file <code>api-token</code> of the data
        folder, unless <code>REDSWARM_API_TOKEN</code> or <code>REDSWARM_API_TOKENS</code> say otherwise. It is kept until this
        tab is closed, or until it is forgotten where it is remembered, and is sent to this server only.</p>
    </form>
  </main>`
}
