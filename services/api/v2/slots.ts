import type { ServerResponse } from 'node:http'
import type { ApiApp } from '../context.ts'

/** A client that takes nothing of what waits for it for so long is disconnected: it would keep its slot for good. */
const STUCK_MS_MAX = 60_000

/** Disconnects a client that is stuck. */
export function dropWhenStuck(response: ServerResponse, msMax = STUCK_MS_MAX): void {
  response.setTimeout(msMax, () => response.destroy())
}

/** What a stream of server-sent events begins with. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would keep events back.
  'x-accel-buffering': 'no',
}

/** Ends responses that have no end of their own when the app closes. */
export function endWithApp(app: ApiApp): (response: ServerResponse) => void {
  const open = new Set<ServerResponse>()
  app.addHook('preClose', async () => {
    for (const response of open) response.destroy()
  })
  return (response) => {
    open.add(response)
    response.once('close', () => open.delete(response))
  }
}

/** Something that only so many may do at once. */
export type Slots = {
  max: number
  /** Takes a slot; answers how to give it back, once; undefined where none is free. */
  take: () => (() => void) | undefined
}

/** Slots, all free. */
export function makeSlots(max: number): Slots {
  let taken = 0
  return {
    max,
    take() {
      if (taken >= max) return undefined
      taken += 1
      let isTaken = true
      return () => {
        if (isTaken) taken -= 1
        isTaken = false
      }
    },
  }
}
