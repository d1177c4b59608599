import { makeActions } from './actions.js'
import { makeAnswers } from './answers.js'
import { ask } from './api.js'
import { samplesOf } from './figures.js'
import { drawKeepingFocus, moveFocus } from './focus.js'
import { html } from './html.js'
import { layout } from './layout.js'
import { followLive } from './live.js'
import { render } from './preact.js'
import { readRoute, titleOf } from './routes.js'
import { makeSpeech } from './speech.js'
import { firstState, makeStore } from './store.js'
import { forgetToken, keepToken, keptToken } from './token.js'
import { snapshotChanges } from './told.js'

const root = /** @type {HTMLElement} */ (document.getElementById('page'))
const speech = makeSpeech()
const store = makeStore({ ...firstState(), route: readRoute(location.hash) }, draw)
const { state, update } = store
let following = new AbortController()

const onRefused = () => leave('The token is not valid any more.')
const answers = makeAnswers({ store, onRefused })
const actions = {
  ...makeActions({ store, refresh: () => void answers.refresh(), onRefused }),
  update,
  signIn: (/** @type {string} */ token, /** @type {boolean} */ isRemembered) => void enter(token, isRemembered),
  forget: () => leave(''),
}

function draw() {
  document.title = state.tracker ? `${titleOf(state.route)} · Redswarm` : 'Redswarm'
  drawKeepingFocus(root, () => render(html`${layout(state, actions)}`, root))
}

/**
 * Begins with a token that the API takes; it is kept only then.
 * @param {string} token
 * @param {boolean | undefined} isRemembered undefined: as it is kept already
 */
async function enter(token, isRemembered) {
  if (!/^[!-~]+$/.test(token))
    return update({ signIn: { problem: 'A token has only letters, digits and marks.', isBusy: false } })
  update({ signIn: { problem: '', isBusy: true } })
  try {
    const tracker = await ask('api/v2/tracker', { token })
    if (isRemembered !== undefined) keepToken(token, isRemembered)
    update({ token, tracker, signIn: { problem: '', isBusy: false } })
    follow()
    if (!document.hidden) void answers.move()
    if (isRemembered !== undefined) moveFocus('h1')
  } catch (error) {
    const { message, status } = /** @type {import('./api.js').ApiProblem} */ (error)
    if (isRemembered === undefined && status !== 401) return retryEnter(token, message)
    forgetToken()
    update({ signIn: { problem: `${message[0]?.toUpperCase()}${message.slice(1)}.`, isBusy: false } })
  }
}

/** With a token that was kept, the page goes on by itself once the API answers. @param {string} token @param {string} message */
function retryEnter(token, message) {
  update({ signIn: { problem: `${message[0]?.toUpperCase()}${message.slice(1)}; trying again.`, isBusy: true } })
  setTimeout(() => {
    if (!state.tracker && keptToken() === token) void enter(token, undefined)
  }, 1500)
}

/** Back to the question for the token; nothing of what was shown stays. @param {string} problem */
function leave(problem) {
  following.abort()
  answers.stop()
  forgetToken()
  update({ ...firstState(), route: state.route, signIn: { problem, isBusy: false } })
}

function follow() {
  following.abort()
  if (document.hidden) return
  following = new AbortController()
  const { signal } = following
  void followLive({
    token: state.token,
    signal,
    onEvent(name, data) {
      if (signal.aborted) return
      if (name === 'history') return update({ samples: samplesOf(data) })
      const wasWell = state.link === 'live' && state.problem === ''
      update(snapshotChanges(state, data))
      update({ spoken: speech(state, performance.now()) ?? state.spoken })
      // What could not be read meanwhile is read now, not when its turn comes.
      if (!wasWell && state.problem === '' && state.problemSinceMs > 0) void recover()
    },
    onLost({ message, status }) {
      if (status === 401) return onRefused()
      const since = state.link === 'lost' || state.problem !== '' ? state.problemSinceMs : Date.now()
      update({ link: 'lost', linkProblem: message, problemSinceMs: since })
    },
  })
}

/** The API may have been started anew, with other settings. */
async function recover() {
  update({ problemSinceMs: 0 })
  void answers.refresh()
  const tracker = await ask('api/v2/tracker', { token: state.token }).catch(() => state.tracker)
  if (state.tracker) update({ tracker })
}

window.addEventListener('hashchange', () => {
  const before = state.route
  const route = readRoute(location.hash)
  update({ route, notice: undefined, formProblem: {} })
  if (!state.tracker) return
  void answers.move()
  moveFocus(route.view === before.view && route.hex === before.hex ? undefined : 'h1')
})

// Who does not look needs nothing; the server keeps the rates of the last minutes for when they do.
document.addEventListener('visibilitychange', () => {
  if (!state.tracker) return
  if (document.hidden) {
    following.abort()
    answers.stop()
  } else {
    follow()
    void answers.refresh()
  }
})

const kept = keptToken()
if (kept === '') draw()
else void enter(kept, undefined)
