import { createHash } from 'node:crypto'
import { fixed, shown } from '../../../lib/observe/table.ts'
import { connectRedis } from '../../../lib/store/connect.ts'
import type { InfoHash } from '../../../lib/wire/info-hash.ts'
import { toInfoHash } from '../../../lib/wire/info-hash.ts'
import { announceOf, storeOn } from '../../support/store.ts'
import type { Fault, Moments } from '../fault.ts'
import { type OneRedisScene, onOneRedis } from '../one-redis.ts'
import { API_TOKEN } from '../tracker.ts'

const TORRENTS = 1_000_000
/** Announces that a store takes at a time. */
const AT_ONCE = 2048
const NEWLINE = 10

/** Stores torrents of one peer each, which no client of the load knows of. */
async function fill(url: string): Promise<void> {
  const redis = await connectRedis(url)
  const { announce } = storeOn(redis)
  const announceNumber = (i: number) => {
    const infoHash = toInfoHash(createHash('sha1').update(`stored ${i}`).digest()) as InfoHash
    return announceOf({ infoHash, numwant: 0 })
  }
  for (let from = 0; from < TORRENTS; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, TORRENTS - from) }, (_, i) => from + i)
    const replies = await announce(numbers.map(announceNumber))
    if (replies.some(({ ok }) => !ok)) throw new Error('Redis did not take a torrent')
  }
  redis.disconnect()
}

/** Exports all torrents through the API: nothing fails, so all that is asked from its beginning on must be served at once. */
async function exportAll({ tracker, load, problems }: OneRedisScene): Promise<Moments> {
  const fromMs = performance.now()
  const response = await fetch(`${tracker.apiUrl}/api/v2/export`, { headers: { authorization: `Bearer ${API_TOKEN}` } })
  let lines = 0
  for await (const bytes of response.body ?? []) for (const byte of bytes) lines += Number(byte === NEWLINE)
  const tookS = (performance.now() - fromMs) / 1000
  if (response.status !== 200 || lines < TORRENTS) problems.push(`an export of ${lines} lines, with ${response.status}`)
  const meanwhile = load.sent.filter(({ sentMs, endMs }) => sentMs > fromMs && Number.isFinite(endMs))
  const slowestMs = meanwhile.reduce((slowest, { sentMs, endMs }) => Math.max(slowest, endMs - sentMs), 0)
  const note = `${shown(lines)} lines in ${fixed(tookS, 0)} s, slowest answer meanwhile ${fixed(slowestMs / 1000)} s`
  return { fromMs, healedMs: fromMs, isUntimed: true, note }
}

export const exportFaults: readonly Fault[] = [
  {
    name: 'the API exports a million torrents',
    stage: onOneRedis(exportAll, { prepare: fill, tracker: { hasApi: true } }),
  },
]
