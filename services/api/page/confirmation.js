import { html } from './html.js'

/** @import { Actions, State } from './types.d.ts' */

/** Asks before something is taken away. The browser keeps the focus in it, and gives it back. @param {State} state @param {Actions} actions */
export function confirmation({ confirmation: asked }, { update }) {
  if (!asked) return null
  /** @param {Event & { currentTarget: Element }} event */
  const close = ({ currentTarget }) => currentTarget.closest('dialog')?.close()
  /** @param {Event & { currentTarget: Element }} event */
  const accept = (event) => {
    close(event)
    asked.run()
  }
  return html`<dialog ref=${open} aria-labelledby="asked" aria-describedby="asked-text" onClose=${() => update({ confirmation: undefined })}>
    <h2 id="asked">${asked.title}</h2>
    <p id="asked-text">${asked.text}</p>
    <p class="buttons">
      <button type="button" class="quiet" autofocus onClick=${close}>Leave it</button>
      <button type="button" onClick=${accept}>${asked.action}</button>
    </p>
  </dialog>`
}

/** @param {HTMLDialogElement | null} dialog */
function open(dialog) {
  if (dialog && !dialog.open) dialog.showModal()
}
