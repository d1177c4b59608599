import { TOKEN } from './tracker.ts'

/** A reader of server-sent events. */
export type SseReader = {
  response: Response
  /** All that came whole, in order; comments are left out. */
  events: () => { event: string; data: string; id?: string }[]
  close: () => Promise<void>
}

/** Reads server-sent events until the reader is closed. */
export async function readSse(url: string, headers: Record<string, string> = {}): Promise<SseReader> {
  const closing = new AbortController()
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    signal: closing.signal,
  })
  let text = ''
  const reading = (async () => {
    for await (const bytes of response.body ?? []) text += Buffer.from(bytes).toString()
  })().catch(() => {})
  return {
    response,
    events: () =>
      // What comes after the last blank line has not come whole.
      text
        .split('\n\n')
        .slice(0, -1)
        .flatMap((block) => {
          const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)))
          return fields.event === undefined ? [] : [fields as { id?: string; event: string; data: string }]
        }),
    async close() {
      closing.abort()
      await reading
    },
  }
}
