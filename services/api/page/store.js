/** @import { State } from './types.d.ts' */

/**
 * Holds what is shown, and has it drawn once for all changes of one turn.
 * @param {State} state
 * @param {(state: State) => void} draw
 */
export function makeStore(state, draw) {
  let isQueued = false
  return {
    state,
    /** @param {Partial<State>} changes */
    update(changes) {
      Object.assign(state, changes)
      if (isQueued) return
      isQueued = true
      queueMicrotask(() => {
        isQueued = false
        draw(state)
      })
    },
  }
}

/** @typedef {ReturnType<typeof makeStore>} Store */

/** Before anything is known. @type {() => State} */
export const firstState = () => ({
  token: '',
  tracker: undefined,
  signIn: { problem: '', isBusy: false },
  route: { view: 'overview', hex: '', query: new URLSearchParams() },
  link: 'connecting',
  linkProblem: '',
  problem: '',
  problemSinceMs: 0,
  at: 0,
  heardMs: 0,
  redis: undefined,
  isRedisAway: false,
  rates: undefined,
  totals: undefined,
  instances: undefined,
  events: undefined,
  samples: [],
  pointedAt: undefined,
  answers: {},
  trail: new Map(),
  amounts: {},
  areKeysShown: false,
  formProblem: {},
  notice: undefined,
  confirmation: undefined,
  spoken: '',
})
