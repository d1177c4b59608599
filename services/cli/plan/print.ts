import { OperatorError } from '../../../lib/errors.ts'
import { jsonLine } from '../../../lib/observe/table.ts'
import { quoted } from '../given.ts'
import { EXIT, print, runToEnd } from '../redis.ts'
import { FIGURES } from './figures.ts'
import { makePlan, type PlanInput } from './plan.ts'
import { planText } from './plan-text.ts'

/** Options of the plan, as they were given. */
export type PlanOptions = {
  peers: string
  torrents?: string
  interval: string
  shareHttp: string
  ipv6: string
  details: string
  json?: boolean
}

const COUNT_MAX = 1e10
/** Torrents where none are told: so many peers have each in the load of the benchmarks. */
const PEERS_PER_TORRENT = 4

/** Prints what a tracker of some size takes; answers the exit code. */
export const printPlan = (options: PlanOptions): Promise<number> =>
  runToEnd(async () => {
    const peers = readCount('--peers', options.peers, 1, COUNT_MAX)
    const input: PlanInput = {
      peers,
      torrents:
        options.torrents === undefined
          ? Math.ceil(peers / PEERS_PER_TORRENT)
          : readCount('--torrents', options.torrents, 1, COUNT_MAX),
      intervalS: readCount('--interval', options.interval, 10, 86_400),
      shareHttp: readShare('--share-http', options.shareHttp),
      ipv6: readShare('--ipv6', options.ipv6),
      details: options.details === 'true',
    }
    const plan = makePlan(input)
    await print(options.json ? jsonLine({ input, plan, figures: FIGURES }) : planText(input, plan))
    return EXIT.done
  })

/** A whole number, also as `100e6`. */
function readCount(option: string, text: string, min: number, max: number): number {
  const count = Number(text)
  if (/^\d+(?:\.\d+)?(?:e\d{1,2})?$/i.test(text) && Number.isInteger(count) && count >= min && count <= max)
    return count
  const bounds = `${min.toLocaleString('en-US')} to ${max.toLocaleString('en-US')}`
  throw new OperatorError(`${option} must be a whole number, ${bounds}, such as 1800 or 100e6, not ${quoted(text)}`)
}

function readShare(option: string, text: string): number {
  const share = Number(text)
  if (/^\d?(?:\.\d+)?$/.test(text) && text !== '' && share >= 0 && share <= 1) return share
  throw new OperatorError(`${option} must be a share, 0 to 1, not ${quoted(text)}`)
}
