import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Role } from '../../../services/roles.ts'

/** Where a tracker listens. */
export type Listens = { udp: { port: number }[]; http: { port: number }[]; api: { port: number }[] }

type Start = { redisUrl: string; roles: readonly Role[]; settings: Record<string, string> }
/** What the process of the trackers is asked: to start one, or to stop the one that it has started under this number. */
export type HostMessage = { id: number; start?: Start }
type HostAnswer = { id: number; listens?: Listens; problem?: string }

/** A process that trackers run in. */
export type Host = {
  start: (start: Start) => Promise<{ listens: Listens; stop: () => Promise<void> }>
  stop: () => Promise<void>
}

/** More threads than trackers are ever asked for. */
const THREADS = '64'

export function startHost(): Host {
  const child = fork(new URL('./redswarm-host.ts', import.meta.url), {
    env: { PATH: process.env.PATH, UV_THREADPOOL_SIZE: THREADS },
    execArgv: [],
  })
  const gone = once(child, 'exit')
  const asked = new Map<number, PromiseWithResolvers<Listens>>()
  let lastId = 0
  child.on('message', ({ id, listens, problem }: HostAnswer) => {
    if (listens) asked.get(id)?.resolve(listens)
    else asked.get(id)?.reject(new Error(problem))
  })
  child.on('exit', () => {
    for (const { reject } of asked.values()) reject(new Error('the process of the trackers has ended'))
  })
  const ask = (message: HostMessage): Promise<Listens> => {
    const answer = Promise.withResolvers<Listens>()
    asked.set(message.id, answer)
    child.send(message)
    return answer.promise
  }
  return {
    async start(start) {
      const id = ++lastId
      const listens = await ask({ id, start })
      return { listens, stop: async () => void (await ask({ id })) }
    },
    async stop() {
      if (child.connected) child.disconnect()
      await gone
    },
  }
}
