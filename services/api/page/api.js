/** An answer that is no success, in the API's words. @typedef {Error & { status: number }} ApiProblem */

/** What is said where nothing comes. */
export const SILENT = 'the API does not answer'
/** A call that takes longer is given up: Redis may take 2 s to be told as away. */
const ANSWER_MS_MAX = 10_000

/**
 * Asks the API. The token goes in a header, so that no URL ever has it. Paths are relative: the page may be under a
 * prefix of a proxy's.
 * @param {string} path
 * @param {{ token: string, method?: string | undefined, body?: unknown, signal?: AbortSignal | undefined }} options
 */
export async function ask(path, { token, method = 'GET', body, signal }) {
  const late = AbortSignal.timeout(ANSWER_MS_MAX)
  const response = await request(path, { token, method, body, signal: signal ? AbortSignal.any([signal, late]) : late })
  return await response.json()
}

/**
 * The same, of which the answer is read by the caller.
 * @param {string} path
 * @param {{ token: string, method?: string, body?: unknown, signal: AbortSignal }} options
 */
export async function request(path, { token, method = 'GET', body, signal }) {
  const response = await fetch(path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    cache: 'no-store',
    signal,
  }).catch(() => {
    throw problem(0, SILENT)
  })
  if (response.ok) return response
  throw problem(response.status, await wordsOf(response))
}

/** What the API says is wrong; something in between may answer in its place. @param {Response} response */
async function wordsOf(response) {
  try {
    const { error } = await response.json()
    return String(error.message)
  } catch {
    return `${SILENT}; something in its place answers HTTP ${response.status}`
  }
}

/** @param {number} status @param {string} message @returns {ApiProblem} */
const problem = (status, message) => Object.assign(new Error(message), { status })
