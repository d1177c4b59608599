import { clientOf } from '../../../lib/observe/client-name.ts'
import { jsonLine, printable, shown, shownBytes, tableOf } from '../../../lib/observe/table.ts'
import { makeSwarmReader, type StoredSwarm } from '../../../lib/store/reader.ts'
import type { StoredPeer } from '../../../lib/store/stored-peers.ts'
import { EVENT, readReport } from '../../../lib/wire/announce.ts'
import { addressText, endpointText, portOf } from '../../../lib/wire/endpoint.ts'
import { readHash, readNumber } from '../given.ts'
import { EXIT, print, runOnRedis } from '../redis.ts'
import { ageText, textOf, timeText } from '../text.ts'
import { readNowS } from './state.ts'

/** Peers read at most: 4 MB, and 0.1 s of Redis, some at a time. */
const LIMIT_MAX = 100_000

/** Prints a swarm's counts and peers; answers the exit code. */
export const printSwarm = (hash: string, options: { limit: string; json?: boolean }): Promise<number> =>
  runOnRedis('read', async (target) => {
    const infoHash = readHash(hash)
    const limit = readNumber('--limit', options.limit, 0, LIMIT_MAX)
    const swarm = await makeSwarmReader(target).swarm(infoHash, limit)
    const hex = infoHash.toString('hex')
    if (!swarm) {
      if (options.json) await print(jsonLine({ info_hash: hex, known: false }))
      else process.stderr.write(`redswarm: there is no torrent ${hex}\n`)
      return EXIT.notAll
    }
    const nowS = await readNowS(target.redis)
    await print(options.json ? jsonLine(bodyOf(hex, swarm)) : swarmText(hex, swarm, nowS))
    return EXIT.done
  })

const EVENT_NAMES = Object.keys(EVENT) as (keyof typeof EVENT)[]

const bodyOf = (hex: string, { seeders, leechers, completed, addedS, peers }: StoredSwarm) => ({
  info_hash: hex,
  known: true,
  ...{ seeders, leechers, completed, added_at: addedS },
  peers: peers.map(({ endpoint, isSeeder, announcedS, details }) => {
    const report = details && readReport(details.report)
    return {
      ...{ address: addressText(endpoint), port: portOf(endpoint), is_seeder: isSeeder, announced_at: announcedS },
      peer_id: report ? report.peerId.toString('hex') : null,
      client: report ? clientOf(report.peerId) : null,
      left: numberOf(report?.left),
      uploaded: numberOf(report?.uploaded),
      downloaded: numberOf(report?.downloaded),
      event: details ? (EVENT_NAMES.find((name) => EVENT[name] === details.event) ?? null) : null,
    }
  }),
})

/** What a client does not know is all ones on the wire; past 2^53 a number in JSON is not exact, and no client's truth. */
const numberOf = (amount = 2n ** 64n): number | null => (amount <= Number.MAX_SAFE_INTEGER ? Number(amount) : null)

function swarmText(hex: string, swarm: StoredSwarm, nowS: number): string {
  const { seeders, leechers, completed, addedS, peers } = swarm
  const counts = `seeders ${shown(seeders)}, leechers ${shown(leechers)}, completed ${shown(completed)}`
  const lines = [`  ${hex}`, `  ${counts}, here since ${timeText(addedS)}`]
  if (peers.length > 0) lines.push('', ...peerTable(peers, nowS))
  const more = seeders + leechers - peers.length
  if (more > 0) lines.push(`  … and ${shown(more)} more (--limit)`)
  return textOf(lines)
}

function peerTable(peers: readonly StoredPeer[], nowS: number): string[] {
  const rows = peers.map(({ endpoint, isSeeder, announcedS, details }) => {
    const report = details && readReport(details.report)
    const amounts = report ? [report.left, report.uploaded, report.downloaded] : [undefined, undefined, undefined]
    const client = report ? (clientOf(report.peerId) ?? report.peerId.toString('latin1', 0, 8)) : '-'
    return [
      endpointText(endpoint),
      isSeeder ? 'seeder' : 'leecher',
      printable(client),
      ageText(nowS - announcedS),
      ...amounts.map(amountText),
    ]
  })
  return tableOf(['peer', 'role', 'client', 'heard', 'left', 'up', 'down'], rows, [0, 1, 2])
}

const amountText = (amount: bigint | undefined): string => {
  const number = numberOf(amount)
  return number === null ? '-' : shownBytes(number)
}
