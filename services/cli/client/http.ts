import { once } from 'node:events'
import { type IncomingMessage, request as requestHttp, STATUS_CODES } from 'node:http'
import { request as requestHttps } from 'node:https'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { type Answer, answered, failed, networkReason } from './answer.ts'
import { hostOf, type Target } from './target.ts'

/** More than 100,000 peers, or a scrape of 10,000 torrents. */
const BODY_BYTES_MAX = 2 * 1024 * 1024

/** What an HTTP tracker answered. */
export type HttpAnswer = { status: number; statusText: string; body: Buffer }

/** Asks for a path at the target's host: bounded in time and in bytes; redirects are told, not followed. */
export async function askHttp(
  { url, family, timeoutMs, userAgent, auth }: Target,
  path: string,
): Promise<Answer<HttpAnswer>> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const ask = url.protocol === 'https:' ? requestHttps : requestHttp
    // No connection is kept: it would hold up the end of the command.
    const request = ask({
      ...{ host: hostOf(url), path, family, agent: false, signal },
      ...(url.port !== '' && { port: url.port }),
      ...(auth !== undefined && { auth }),
      headers: { 'user-agent': userAgent, 'accept-encoding': 'gzip' },
    })
    const arrived = once(request, 'response', { signal })
    // What comes once the answer is there, or is given up, is nobody's.
    request.on('error', () => {})
    request.end()
    const [response] = (await arrived) as [IncomingMessage]
    const { statusCode: status = 0 } = response
    const statusText = `HTTP ${status} ${STATUS_CODES[status] ?? ''}`.trim()
    if (status >= 300 && status < 400 && response.headers.location !== undefined) {
      request.destroy()
      return failed('bad answer', `${statusText} to ${response.headers.location}: ask there`)
    }
    const body = await readBody(response)
    return body.ok ? answered({ status, statusText, body: body.value }) : body
  } catch (error) {
    return failed('no answer', signal.aborted ? 'no whole answer in time' : networkReason(error))
  }
}

async function readBody(response: IncomingMessage): Promise<Answer<Buffer>> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) return TOO_LONG
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks)
  return response.headers['content-encoding'] === 'gzip' ? unpack(body) : answered(body)
}

const TOO_LONG = failed('bad answer', `the body is longer than ${BODY_BYTES_MAX / 1024 / 1024} MB`)

async function unpack(body: Buffer): Promise<Answer<Buffer>> {
  try {
    return answered(await promisify(gunzip)(body, { maxOutputLength: BODY_BYTES_MAX }))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ERR_BUFFER_TOO_LARGE'
      ? TOO_LONG
      : failed('bad answer', 'the body says that it is gzip, and is not')
  }
}
