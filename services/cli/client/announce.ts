import { clientOf } from '../../../lib/observe/client-name.ts'
import { jsonLine, printable, shown, tableOf } from '../../../lib/observe/table.ts'
import type { HttpAnnounceAnswer, ToldPeer } from '../../../lib/wire/http-answer.ts'
import type { Outside } from '../outside.ts'
import { EXIT, print, runToEnd } from '../redis.ts'
import { counted, textOf } from '../text.ts'
import { announceTo } from './ask.ts'
import { type AnnounceOptions, announceOf, targetOf } from './options.ts'
import { headLine, msNumber, tellFailure } from './told.ts'

/** Announces a torrent to a tracker and prints what it answers; answers the exit code. */
export const runAnnounce = (outside: Outside, url: string, hash: string, options: AnnounceOptions): Promise<number> =>
  runToEnd(async () => {
    const { json = false } = options
    const target = targetOf(url, options, outside)
    const announce = announceOf(hash, options, outside)
    const startMs = performance.now()
    const answer = await announceTo(target, outside, announce)
    const ms = performance.now() - startMs
    if (!answer.ok) return tellFailure(target.url, answer, json)
    const infoHash = announce.infoHash.toString('hex')
    const head = { url: target.url.href, info_hash: infoHash, ms: msNumber(ms) }
    if (json) await print(jsonLine({ ...head, ...bodyOf(answer.value) }))
    else await print(headLine(target.url, `announce of ${infoHash}`, ms) + answerText(answer.value))
    return EXIT.done
  })

const bodyOf = ({ peers, ...told }: HttpAnnounceAnswer) => ({
  interval: told.intervalS,
  min_interval: told.minIntervalS ?? null,
  seeders: told.seeders ?? null,
  leechers: told.leechers ?? null,
  completed: told.completed ?? null,
  warning: told.warning ?? null,
  peers: peers.map(({ address, port, peerId }) => ({
    address,
    port,
    ...(peerId && { peer_id: peerId.toString('hex'), client: clientOf(peerId) }),
  })),
})

function answerText(told: HttpAnnounceAnswer): string {
  const { peers, warning, minIntervalS } = told
  const counts = (['seeders', 'leechers', 'completed'] as const).flatMap((name) =>
    told[name] === undefined ? [] : [`${name} ${shown(told[name])}`],
  )
  const least = minIntervalS === undefined ? '' : ` (at least ${shown(minIntervalS)} s)`
  const facts = [
    ...counts,
    `next announce in ${shown(told.intervalS)} s${least}`,
    `${counted(peers.length, 'peer')} told`,
  ]
  const lines = [`  ${facts.join(', ')}`]
  if (warning !== undefined) lines.push(`  warning: ${printable(warning)}`)
  if (peers.length > 0) lines.push('', ...peerTable(peers))
  return textOf(lines)
}

function peerTable(peers: readonly ToldPeer[]): string[] {
  const hasIds = peers.some(({ peerId }) => peerId)
  const rows = peers.map(({ address, port, peerId }) => {
    const client = peerId ? (clientOf(peerId) ?? peerId.toString('latin1', 0, 8)) : ''
    return [printable(address), String(port), ...(hasIds ? [printable(client)] : [])]
  })
  return tableOf(['address', 'port', ...(hasIds ? ['client'] : [])], rows, [0, 2])
}
