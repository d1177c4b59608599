import { CHART_MS, sampleOf } from './figures.js'

/** @import { Snapshot, State } from './types.d.ts' */

/**
 * What a snapshot changes. What it lacks stays as it was told last.
 * @param {State} state
 * @param {Snapshot} told
 * @returns {Partial<State>}
 */
export function snapshotChanges(state, told) {
  const problem = told.problem ?? ''
  const isNew = problem !== '' && state.problem === '' && state.link !== 'lost'
  const samples = told.rates ? [...state.samples, sampleOf(told.rates, told.at)] : state.samples
  return {
    ...{ link: 'live', linkProblem: '', problem, problemSinceMs: isNew ? Date.now() : state.problemSinceMs },
    ...{ at: told.at, heardMs: performance.now() },
    ...{ redis: told.redis ?? state.redis, isRedisAway: told.redis === null },
    rates: told.rates ?? state.rates,
    totals: told.totals ?? state.totals,
    instances: told.instances ?? state.instances,
    events: told.events ?? state.events,
    samples: samples.filter(({ at }) => at <= told.at && told.at - at <= CHART_MS),
  }
}
