import { access } from './access.js'
import { confirmation } from './confirmation.js'
import { events } from './events.js'
import { clock } from './format.js'
import { html } from './html.js'
import { overview } from './overview.js'
import { processes } from './processes.js'
import { titleOf, VIEWS } from './routes.js'
import { signIn } from './sign-in.js'
import { swarm } from './swarm.js'
import { torrents } from './torrents.js'

/** @import { Actions, Node, State } from './types.d.ts' */

/** @type {Record<string, (state: State, actions: Actions) => Node>} */
const DRAWN = { overview, torrents, swarm, processes, access, events, nowhere }

const LINKS = { connecting: 'Connecting', live: 'Live', lost: 'Not connected' }

/** All that is on the page. @param {State} state @param {Actions} actions */
export function layout(state, actions) {
  if (!state.tracker) return signIn(state, actions)
  const draw = DRAWN[state.route.view] ?? nowhere
  return html`
    <button type="button" class="skip" onClick=${skip}>Skip to the content</button>
    <header>
      <a class="brand" href="#/"><img src="page/icon.svg" alt="" width="24" height="24" />Redswarm</a>
      ${navigation(state)}
      ${search(state, actions)}
      ${standingOf(state)}
      <p class="who"><span class="small">${state.tracker.token.name}${state.tracker.token.is_admin ? '' : ', reads only'}</span>
        <button type="button" class="quiet" onClick=${actions.forget}>Forget token</button></p>
    </header>
    <div role="status" class="banners">${banner(state)}</div>
    <main id="main" tabindex="-1">
      <h1 tabindex="-1">${headingOf(state)}</h1>
      <div role="status" class="notices">${notice(state, actions)}</div>
      ${draw(state, actions)}
    </main>
    <footer class="small">Redswarm ${state.tracker.version} · <a href="api/docs">REST API</a></footer>
    <div class="unseen" aria-live="polite">${state.spoken}</div>
    ${confirmation(state, actions)}`
}

const skip = () => document.getElementById('main')?.focus()

/** @param {State} state */
const headingOf = ({ route }) =>
  route.view === 'swarm' ? html`Swarm <span class="hash">${route.hex}</span>` : titleOf(route)

/** @param {State} state */
function navigation({ route }) {
  const current = route.view === 'swarm' ? 'torrents' : route.view
  return html`<nav aria-label="Dashboard"><ul>
    ${Object.entries(VIEWS).map(
      ([name, text]) =>
        html`<li key=${name}><a href=${`#/${name}`} aria-current=${name === current ? 'page' : undefined}>${text}</a></li>`,
    )}
  </ul></nav>`
}

/** @param {State} state @param {Actions} actions */
function search({ formProblem }, actions) {
  /** @param {SubmitEvent & { currentTarget: HTMLFormElement }} event */
  const submit = (event) => {
    event.preventDefault()
    actions.search(String(new FormData(event.currentTarget).get('text')))
  }
  return html`<form role="search" onSubmit=${submit}>
    <label for="search" class="unseen">Info hash, or its beginning</label>
    <input id="search" name="text" class="code" placeholder="Info hash" autocomplete="off" spellcheck=${false}
      aria-describedby=${formProblem.search ? 'search-problem' : undefined} aria-invalid=${formProblem.search ? 'true' : undefined} />
    <button type="submit" class="quiet">Search</button>
    ${formProblem.search && html`<p id="search-problem" class="problem">${formProblem.search}</p>`}
  </form>`
}

/** Whether what is shown is live. @param {State} state */
function standingOf({ link, problem }) {
  const isIncomplete = link === 'live' && problem !== ''
  return html`<p class=${`link ${isIncomplete ? 'incomplete' : link}`}>${isIncomplete ? 'Live in part' : LINKS[link]}</p>`
}

/** What is wrong, as long as it lasts. It says the same all the while: it is read aloud where it changes. @param {State} state */
function banner({ link, linkProblem, problem, problemSinceMs }) {
  if (link !== 'lost' && problem === '') return null
  const text = link === 'lost' ? linkProblem : problem
  return html`<p class="banner">${text[0]?.toUpperCase()}${text.slice(1)}. Since ${clock(problemSinceMs)}; shown is what was told last.
    The page goes on by itself.</p>`
}

/** What was done, and how it is undone. @param {State} state @param {Actions} actions */
function notice({ notice: told }, { update }) {
  if (!told) return null
  const { text, undo } = told
  return html`<p class="bar"><span>${text}</span>
    ${undo && html`<button type="button" onClick=${undo.run}>${undo.label}</button>`}
    <button type="button" class="quiet" onClick=${() => update({ notice: undefined })}>Close</button></p>`
}

function nowhere() {
  return html`<p>There is nothing at this address. <a href="#/">Overview</a></p>`
}
