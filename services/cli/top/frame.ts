import { printable, shown, shownBytes, tableOf } from '../../../lib/observe/table.ts'
import { awayText as masterText } from '../../../lib/store/away-masters.ts'
import { isSilent } from '../../../lib/store/instances.ts'
import type { RateKind, Rates } from '../operate/rates.ts'
import { PROCESSES_AWAY, perS, processTable, withoutText } from '../operate/status-text.ts'
import type { Paint } from '../paint.ts'
import { ageText, counted, timeText } from '../text.ts'
import type { Away, Sample } from './sampler.ts'

/** A line of the screen, plain: it is cut to the width before it is painted. */
export type Line = { text: string; style?: Parameters<Paint>[0] }

/** Lines of processes and of swarms; where the screen is small, both have half of what is left. */
const LEAST_ROWS = 2

/** A screen of so many rows for the Redis of a name; `hint` says how it is left, `nowMs` is `performance.now`. */
export type Frame = { rows: number; name: string; hint: string; nowMs: number }

/** What a sample looks like on a screen. */
export function frameOf(sample: Sample, frame: Frame): Line[] {
  const { rows } = frame
  const head = headLines(sample, frame)
  const left = rows - head.length - 2
  const processes = processLines(sample)
  const swarms = swarmLines(sample.best)
  const forSwarms = Math.max(LEAST_ROWS, left - processes.length, Math.floor(left / 2))
  const shownSwarms = swarms.slice(0, forSwarms)
  const shownProcesses = processes.slice(0, Math.max(LEAST_ROWS, left - shownSwarms.length))
  return [...head, EMPTY, ...shownProcesses, EMPTY, ...shownSwarms].slice(0, Math.max(1, rows))
}

const EMPTY: Line = { text: '' }

function headLines(sample: Sample, { name, hint, nowMs }: Frame): Line[] {
  const { nowS, away, awayMasters, totals, server, rates } = sample
  const title: Line = { text: `  Redswarm on ${printable(name)}  ${timeText(nowS)}${hint}`, style: 'bold' }
  const gone: Line[] = away ? [{ text: `  ${awayText(away, nowMs)}`, style: 'red' }] : []
  const missing = awayMasters.map((master): Line => ({ text: `  ${printable(masterText(master))}`, style: 'red' }))
  const { counts, without } = totals ?? {}
  const sums = counts
    ? `torrents ${shown(counts.torrents)}, seeders ${shown(counts.seeders)}, leechers ${shown(counts.leechers)}, completed ${shown(counts.completed)}`
    : 'torrents and peers are not read yet'
  const rest = without && without.all.length > 0 ? `, ${withoutText(without)}` : ''
  const memory: Line[] = server
    ? [{ text: `  Redis: ${shownBytes(server.usedBytes)}, ${counted(server.clients, 'connection')}` }]
    : []
  return [title, ...gone, ...missing, { text: `  ${sums}${rest}` }, ...memory, EMPTY, ...rateLines(rates)]
}

/** That Redis is away, and for how long. */
export const awayText = ({ reason, sinceMs }: Away, nowMs: number): string =>
  `Redis has not answered for ${ageText((nowMs - sinceMs) / 1000)}: ${printable(reason)}`

function rateLines(rates: Rates | undefined): Line[] {
  const rate = (kind: RateKind): string => (rates ? perS(rates[kind]) : '-')
  const [head = '', ...rows] = tableOf(
    ['a second', 'connects', 'announces', 'scrapes'],
    [
      ['UDP', rate('udp_connects'), rate('udp_announces'), rate('udp_scrapes')],
      ['HTTP', '', rate('http_announces'), rate('http_scrapes')],
    ],
  )
  const [first = '', second = ''] = rows
  const wrong = `errors ${rate('errors')}, dropped ${rate('dropped')}, refused ${rate('refused')}`
  return [{ text: head, style: 'dim' }, { text: `${first}     ${wrong}` }, { text: second }]
}

/** The busiest first. */
function processLines({ instances, nowS }: Sample): Line[] {
  if (instances === 'away') return [{ text: `  ${PROCESSES_AWAY}` }]
  const busiest = instances.toSorted((a, b) => b.requestsPerS - a.requestsPerS || b.cpuCores - a.cpuCores)
  if (busiest.length === 0) return [{ text: '  no process has told of itself' }]
  const [head = '', ...rows] = processTable(busiest, nowS)
  return [
    { text: head, style: 'dim' },
    ...rows.map((text, i): Line => {
      const instance = busiest[i]
      return instance && isSilent(instance, nowS) ? { text, style: 'red' } : { text }
    }),
  ]
}

function swarmLines(best: Sample['best']): Line[] {
  if (best === 'away') return [{ text: '  the ranking is on a master that is away' }]
  if (best.length === 0) return [{ text: '  no torrent is ranked yet' }]
  const rows = best.map(({ hex, seeders, leechers, completed }) => [hex, ...[seeders, leechers, completed].map(shown)])
  const [head = '', ...lines] = tableOf(['biggest by seeders', 'seeders', 'leechers', 'completed'], rows)
  return [{ text: head, style: 'dim' }, ...lines.map((text) => ({ text }))]
}
