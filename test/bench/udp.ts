// CPU per response under UDP load, next to npm's bittorrent-tracker in one run: `npm run bench:udp -- --help`.
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { makeLoad, makeRandom } from '../../services/load/shape.ts'
import {
  cpuSecondsOf,
  type RunningTracker,
  residentBytesOf,
  type StartTracker,
  startBittorrentTracker,
  startRedswarm,
} from './trackers.ts'
import { addressOfPeer, runUdpLoad } from './udp-load.ts'

const { values } = parseArgs({
  options: {
    torrents: { type: 'string', default: '100000' },
    peers: { type: 'string', default: '200000' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    numwant: { type: 'string', default: '30' },
    'no-details': { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run bench:udp -- [--torrents N] [--peers N] [--seconds N] [--rounds N] [--numwant N] [--no-details]
                      [--only redswarm|bittorrent-tracker] [--json]
Half connects, half announces, closed loop, aquatic's load shape, all from 127.0.1.x to 127.0.0.1; every peer keeps its
address. Trackers take turns; each starts empty, is filled with every peer, then loaded. AOF every second.`)
  process.exit(0)
}

type Row = {
  tracker: string
  responsesPerS: number
  cpuUsPerResponse: number
  parts: Record<string, number>
  peersPerAnnounce: number
  errors: number
  lost: number
  residentMiB: number
}

const numwant = Number(values.numwant)

async function loadOnce(name: string, start: StartTracker): Promise<Row> {
  const random = makeRandom()
  const load = makeLoad(Number(values.torrents), Number(values.peers), random, addressOfPeer)
  const tracker = await start()
  try {
    await runUdpLoad({ port: tracker.port, load, numwant, random, mode: { fill: true } })
    const before = cpuOf(tracker)
    const seconds = Number(values.seconds)
    const result = await runUdpLoad({ port: tracker.port, load, numwant, random, mode: { fill: false, seconds } })
    const after = cpuOf(tracker)
    const responses = result.connects + result.announces
    const parts: Record<string, number> = {}
    for (const part of Object.keys(after)) parts[part] = ((after[part] ?? 0) - (before[part] ?? 0)) * (1e6 / responses)
    return {
      tracker: name,
      responsesPerS: responses / result.seconds,
      cpuUsPerResponse: Object.values(parts).reduce((sum, part) => sum + part, 0),
      parts,
      peersPerAnnounce: result.peersPerAnnounce,
      errors: result.errors,
      lost: result.lost,
      residentMiB: Object.values(tracker.pids).reduce((sum, pid) => sum + residentBytesOf(pid), 0) / 2 ** 20,
    }
  } finally {
    await tracker.stop()
  }
}

const cpuOf = (tracker: RunningTracker): Record<string, number> =>
  Object.fromEntries(Object.entries(tracker.pids).map(([name, pid]) => [name, cpuSecondsOf(pid)]))

const trackers: [string, StartTracker][] = [
  ['redswarm', startRedswarm(!values['no-details'])],
  ['bittorrent-tracker', startBittorrentTracker],
]
const rows: Row[] = []
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, start] of trackers) {
    if (values.only !== undefined && values.only !== name) continue
    const row = await loadOnce(name, start)
    rows.push(row)
    if (!values.json) print(row)
  }
}
if (values.json) console.log(JSON.stringify({ cpu: cpus()[0]?.model, node: process.version, options: values, rows }))

function print(row: Row): void {
  const parts = Object.entries(row.parts).map(([part, us]) => `${part} ${us.toFixed(1)}`)
  console.log(
    [
      row.tracker.padEnd(20),
      `${row.cpuUsPerResponse.toFixed(1).padStart(6)} us CPU per response`,
      `(${parts.join(', ')})`.padEnd(30),
      `${Math.round(row.responsesPerS).toString().padStart(7)} responses/s`,
      `${row.peersPerAnnounce.toFixed(1)} peers per announce`,
      `${row.errors} errors, ${row.lost} lost`,
      `${Math.round(row.residentMiB)} MiB`,
    ].join('  '),
  )
}
