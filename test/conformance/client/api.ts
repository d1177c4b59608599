import { NotOffered } from '../case.ts'
import type { Subject } from '../subject.ts'

/** An answer of the REST API. */
export type ApiAnswer = { status: number; text: string }

/** How it is asked, where it is not with GET, the token in the query, and nothing else. */
export type Asked = {
  method?: 'GET' | 'POST' | 'DELETE'
  token?: string | undefined
  headers?: Record<string, string> | undefined
  body?: unknown
}

/** Asks the API for a path, with its token unless another is given. */
export async function askApi(
  { api }: Subject,
  path: string,
  { method = 'GET', token, headers = {}, body }: Asked = {},
): Promise<ApiAnswer> {
  if (!api) throw new NotOffered('a REST API')
  const url = new URL(path, api.url)
  const given = token ?? api.token
  if (given !== '') url.searchParams.set('token', given)
  const json = body !== undefined && { body: JSON.stringify(body) }
  const type = body !== undefined && { 'content-type': 'application/json' }
  const response = await fetch(url, { method, headers: { ...headers, ...type }, ...json })
  return { status: response.status, text: await response.text() }
}

/** An answer in a few words. */
export const shownApi = ({ status, text }: ApiAnswer): string => (status === 200 ? text : `HTTP ${status}`)
