import { request, SILENT } from './api.js'

/** Nothing for so long is a connection that is lost: a snapshot comes every second, or every two where Redis hangs. */
const SILENT_MS_MAX = 8000
/** Before the stream is asked for again. */
const RETRY_MS = 1500

/**
 * Follows the stream of snapshots, again and again, until it is told to stop. `EventSource` cannot send a header, so the
 * events are read here.
 * @param {object} options
 * @param {string} options.token
 * @param {AbortSignal} options.signal
 * @param {(name: string, data: any) => void} options.onEvent
 * @param {(problem: { message: string, status: number | undefined }) => void} options.onLost
 */
export async function followLive({ token, signal, onEvent, onLost }) {
  while (!signal.aborted) {
    const silence = new AbortController()
    let timer = setTimeout(() => silence.abort(), SILENT_MS_MAX)
    try {
      const response = await request('api/v2/live', { token, signal: AbortSignal.any([signal, silence.signal]) })
      for await (const { name, data } of eventsOf(response)) {
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), SILENT_MS_MAX)
        onEvent(name, JSON.parse(data))
      }
      throw new Error(SILENT)
    } catch (error) {
      const { message, status } = /** @type {import('./api.js').ApiProblem} */ (error)
      // A stream that breaks off is told by browsers in words of their own.
      if (!signal.aborted) onLost({ message: status === undefined ? SILENT : message, status })
    } finally {
      clearTimeout(timer)
      // A stream of which something could not be read would go on unheard.
      silence.abort()
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

/** The server-sent events of a response. @param {Response} response */
async function* eventsOf(response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    text += read.value
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const { event: name, data } = Object.fromEntries(block.split('\n').map((line) => line.split(/: ?(.*)/s, 2)))
      if (name !== undefined && data !== undefined) yield { name, data }
    }
  }
}
