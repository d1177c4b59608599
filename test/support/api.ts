import { expect } from 'vitest'
import { TOKEN } from './tracker.ts'

/** An answer of the API, its body as it came. */
export type ApiAnswer = { status: number; headers: Headers; text: string }

/** What a call has beside its URL. */
type Call = { method?: string; token?: string; json?: unknown; body?: string; headers?: Record<string, string> }

/** Asks an API, with the token of tests unless another or none (an empty one) is given. */
export async function call(url: string, { method = 'GET', token = TOKEN, json, body, headers }: Call = {}) {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: json === undefined ? (body ?? null) : JSON.stringify(json),
  })
  return { status: response.status, headers: response.headers, text: await response.text() } satisfies ApiAnswer
}

/** An answer's status, code and message; fails where it is not an error of the one shape that there is. */
export function errorIn({ status, headers, text }: ApiAnswer) {
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
  const json = JSON.parse(text)
  expect(json).toEqual({ error: { code: expect.any(String), message: expect.any(String) } })
  return { status, ...(json.error as { code: string; message: string }) }
}
