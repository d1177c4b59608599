// Trackers of tests/support, as many as are asked for, in a process of their own: each that listens for UDP keeps a
// thread of libuv's pool for itself, so that the pool has to be larger than a test's (UV_THREADPOOL_SIZE).
import { startTracker, type TestTracker } from '../../support/tracker.ts'
import type { HostMessage } from './host.ts'

// Each has something to do when the process ends.
process.setMaxListeners(0)
const trackers = new Map<number, TestTracker>()

async function obey({ id, start }: HostMessage): Promise<object> {
  if (!start) {
    await trackers.get(id)?.stop()
    trackers.delete(id)
    return {}
  }
  const tracker = await startTracker(start.redisUrl, start)
  trackers.set(id, tracker)
  return { udp: tracker.udp, http: tracker.http, api: tracker.api }
}

process.on('message', (message: HostMessage) => {
  obey(message).then(
    (listens) => process.send?.({ id: message.id, listens }),
    (error: Error) => process.send?.({ id: message.id, problem: error.stack }),
  )
})
process.on('disconnect', () => {
  void Promise.all([...trackers.values()].map((tracker) => tracker.stop())).then(() => process.exit())
})
