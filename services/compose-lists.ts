import { setTimeout as sleep } from 'node:timers/promises'
import { isRedisReply, messageOf } from '../lib/errors.ts'
import { makeBanList, makeBanReader } from '../lib/store/bans.ts'
import { makeClientList, makeClientReader } from '../lib/store/clients.ts'
import { makeDeniedList, makeDeniedReader } from '../lib/store/denied.ts'
import type { List } from '../lib/store/list.ts'
import { type ListReader, makeListCopy } from '../lib/store/list-copy.ts'
import type { Admission } from '../lib/swarm/admission.ts'
import { type BanCheck, makeBanCheck } from '../lib/swarm/bans.ts'
import { clientAdmission, makeClientCheck } from '../lib/swarm/clients.ts'
import { type DeniedCheck, deniedAdmission, makeDeniedCheck } from '../lib/swarm/denied.ts'
import type { Parts } from './parts.ts'

/** What frontends ask of the lists that operators keep. */
export type Lists = { isBanned: BanCheck; isDenied: DeniedCheck; admissions: readonly Admission[] }

/** Frontends know of a change of a list within a second. */
const LISTS_EVERY_MS = 500
/** At a start, a list that no answer came of is asked for again, for five seconds. */
const ASKED_EVERY_MS = 250
const ASKED_MAX = 20

/** Copies of the lists, kept up. */
export async function startLists(parts: Parts): Promise<Lists> {
  const { nowS } = parts.clock
  const [bans, denied, clients] = await Promise.all([
    startCopy(parts, makeBanList(parts), () => makeBanReader((rows) => makeBanCheck(rows, nowS))),
    startCopy(parts, makeDeniedList(parts), () => makeDeniedReader((rows) => makeDeniedCheck(rows, nowS))),
    startCopy(parts, makeClientList(parts), () => makeClientReader(makeClientCheck)),
  ])
  const isDenied: DeniedCheck = (infoHash) => denied()(infoHash)
  return {
    isBanned: (endpoint) => bans()(endpoint),
    isDenied,
    admissions: [deniedAdmission(isDenied), clientAdmission(clients)],
  }
}

/** Each by itself: in a Cluster, the master of one may be away. */
async function startCopy<View>(
  { redis, repeat, log }: Parts,
  list: List,
  makeReader: () => ListReader<View>,
): Promise<() => View> {
  // Clients are served: a tracker that ends at each start would help nobody, and what was on the list is lost either way.
  const onDamaged = (error: Error) =>
    log.error({ problem: messageOf(error) }, 'a list is damaged: nothing on it counts until it is mended')
  const { view, refresh, forget } = await untilAnswered(() => makeListCopy(list, makeReader, onDamaged))
  repeat(LISTS_EVERY_MS, refresh)
  redis.on('ready', forget)
  return view
}

/** The client of a Cluster begins anew in the moment when it hears of a master that has gone: what was asked then is asked again. */
async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let asked = 1; ; asked++) {
    try {
      return await ask()
    } catch (error) {
      if (isRedisReply(error) || asked === ASKED_MAX) throw error
      await sleep(ASKED_EVERY_MS)
    }
  }
}
