import { ask } from './api.js'
import { asked } from './routes.js'

/** @import { Answer } from './types.d.ts' */
/** @import { Store } from './store.js' */

/** What a view shows is read anew so often, while it is looked at. */
const EVERY_MS = 10_000
const EVENTS_EVERY_MS = 3000

/**
 * Asks the API for what the view needs, again and again. What was answered last stays while the next is on its way, or
 * where it fails.
 * @param {{ store: Store, onRefused: () => void }} options
 */
export function makeAnswers({ store: { state, update }, onRefused }) {
  let current = new AbortController()
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  /** @param {string} name @param {Partial<Answer>} changes */
  const change = (name, changes) => {
    const before = state.answers[name] ?? { path: '', data: undefined, problem: '', isLoading: false, atMs: 0 }
    update({ answers: { ...state.answers, [name]: { ...before, ...changes } } })
  }

  /** @param {string} name @param {string} path @param {AbortSignal} signal */
  const load = async (name, path, signal) => {
    change(name, { isLoading: true })
    try {
      const data = await ask(path, { token: state.token, signal })
      if (!signal.aborted) change(name, { path, data, problem: '', isLoading: false, atMs: Date.now() })
    } catch (error) {
      if (signal.aborted) return
      const { message, status } = /** @type {import('./api.js').ApiProblem} */ (error)
      if (status === 401) return onRefused()
      // What is not there is not there any more, and another page, or order, is not what was asked for.
      const isOther = status === 404 || state.answers[name]?.path !== path
      change(name, { problem: message, isLoading: false, ...(isOther && { data: undefined }) })
    }
  }

  /** Asks for all that the view needs now, and from then on. */
  const refresh = async () => {
    current.abort()
    clearTimeout(timer)
    current = new AbortController()
    const { signal } = current
    const wanted = Object.entries(asked(state))
    await Promise.all(wanted.map(([name, path]) => load(name, path, signal)))
    if (signal.aborted || wanted.length === 0) return
    timer = setTimeout(() => void refresh(), state.route.view === 'events' ? EVENTS_EVERY_MS : EVERY_MS)
  }

  return {
    refresh,
    /** Goes on to another place: what is not of the same list is dropped. */
    move() {
      const wanted = asked(state)
      const kept = Object.entries(state.answers).filter(
        ([name, { path }]) => listOf(path) === listOf(wanted[name] ?? ''),
      )
      update({ answers: Object.fromEntries(kept) })
      return refresh()
    },
    stop() {
      current.abort()
      clearTimeout(timer)
    },
  }
}

/** What a path is of, whichever page of it. @param {string} path */
const listOf = (path) => path.split('?')[0]
