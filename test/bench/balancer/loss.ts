import { setTimeout as sleep } from 'node:timers/promises'
import { announce } from '../../support/http-client.ts'
import { hashOf } from '../../support/store.ts'
import { UdpClient } from '../../support/udp-client.ts'
import type { Protocol } from '../peers/tracker.ts'
import { type Balanced, startBalanced } from './frontends.ts'

/** What happens to frontends, from the second `beforeS` on. */
export type Event = { name: string; happen: (frontends: Balanced['frontends'], forS: number) => Promise<void> }

/** What became of the announces of a time. */
export type Phase = { asked: number; lost: number; slowestMs: number }
/** Of one event. */
export type Loss = { protocol: Protocol; event: string; before: Phase; during: Phase; after: Phase }

const first = (frontends: Balanced['frontends']) => frontends[0] as Balanced['frontends'][number]

/** Twice the fail_timeout of infra/nginx. */
const FOUND_AGAIN_MS = 2000

/** One that dies and is started again later, one that hangs, all of them restarted one after the other. */
export const EVENTS: readonly Event[] = [
  {
    name: 'one is killed (SIGKILL), and started again',
    async happen(frontends, forS) {
      first(frontends).process().process.kill('SIGKILL')
      await sleep(forS * 1000)
      await first(frontends).start()
    },
  },
  {
    name: 'one hangs (SIGSTOP), and goes on',
    async happen(frontends, forS) {
      first(frontends).process().process.kill('SIGSTOP')
      await sleep(forS * 1000)
      first(frontends).process().process.kill('SIGCONT')
    },
  },
  {
    name: 'both are restarted (SIGTERM), one 2 s after the other',
    async happen(frontends) {
      for (const each of frontends) {
        await each.end()
        await each.start()
        // nginx asks it again after fail_timeout: until then there is but the other one.
        await sleep(FOUND_AGAIN_MS)
      }
    },
  },
]

const CLIENTS = 100
const TICK_MS = 10
/** Clients of UDP ask again after 15 s, those of HTTP give up after 10 s and more: by then it is lost. */
const LOST_AFTER_MS = 5000
/** Before and after, at most. */
const AROUND_S_MAX = 4

type Asked = { atMs: number; tookMs: number | undefined }

/** Measures what is lost while something happens to the frontends, at a steady rate of announces. */
export async function measureLoss(protocol: Protocol, event: Event, perS: number, forS: number): Promise<Loss> {
  const balanced = await startBalanced(protocol)
  const aroundS = Math.min(forS, AROUND_S_MAX)
  try {
    const { ask, close } = await (protocol === 'udp' ? udpAsker(balanced.port) : httpAsker(balanced.port))
    const asked: Promise<Asked>[] = []
    const startMs = performance.now()
    let isOver = false
    const load = (async () => {
      while (!isOver) {
        const due = Math.floor(((performance.now() - startMs) / 1000) * perS)
        while (asked.length < due) asked.push(ask(asked.length % CLIENTS))
        await sleep(TICK_MS)
      }
    })()
    await sleep(aroundS * 1000)
    const fromMs = performance.now()
    await event.happen(balanced.frontends, forS)
    const toMs = performance.now()
    await sleep(aroundS * 1000)
    isOver = true
    await load
    const all = await Promise.all(asked)
    close()
    const phase = (isIn: (atMs: number) => boolean): Phase => {
      const own = all.filter(({ atMs }) => isIn(atMs))
      const took = own.map(({ tookMs }) => tookMs ?? 0)
      return {
        asked: own.length,
        lost: own.filter(({ tookMs }) => tookMs === undefined).length,
        slowestMs: Math.max(...took),
      }
    }
    return {
      ...{ protocol, event: event.name },
      before: phase((atMs) => atMs < fromMs),
      during: phase((atMs) => atMs >= fromMs && atMs < toMs),
      after: phase((atMs) => atMs >= toMs),
    }
  } finally {
    for (const { process } of balanced.frontends) process().process.kill('SIGCONT')
    await balanced.stop()
  }
}

type Asker = { ask: (client: number) => Promise<Asked>; close: () => void }

const timed = async (asking: Promise<boolean>): Promise<Asked> => {
  const atMs = performance.now()
  const isAnswered = await asking.catch(() => false)
  return { atMs, tookMs: isAnswered ? performance.now() - atMs : undefined }
}

async function udpAsker(port: number): Promise<Asker> {
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, (_, i) => UdpClient.open(port, '127.0.0.1', `127.0.1.${i + 1}`)),
  )
  for (const client of clients) await client.connect()
  const ask = async (client: UdpClient): Promise<boolean> => {
    const reply = await client.exchange(client.announceRequest({ infoHash: hashOf('a') }), LOST_AFTER_MS)
    return reply?.readUInt32BE(0) === 1
  }
  return {
    ask: (i) => timed(ask(clients[i] as UdpClient)),
    close: () => clients.forEach((client) => void client.close()),
  }
}

/** Each on a connection of its own, as clients ask. */
async function httpAsker(port: number): Promise<Asker> {
  const ask = async (i: number): Promise<boolean> => {
    const answer = announce(`http://127.0.0.1:${port}`, { port: 7000 + i }, `127.0.1.${i + 1}`)
    const late = sleep(LOST_AFTER_MS, undefined, { ref: false })
    return (await Promise.race([answer, late]))?.interval !== undefined
  }
  return { ask: (i) => timed(ask(i)), close: () => {} }
}
