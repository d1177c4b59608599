import { OperatorError } from '../../lib/errors.ts'
import { shown } from '../../lib/observe/table.ts'
import { banEntry, makeBanList, makeBanReader } from '../../lib/store/bans.ts'
import { readList } from '../../lib/store/list-copy.ts'
import { type Network, networkText, parseNetwork } from '../../lib/wire/network.ts'
import { type NetworkRows, networksOf } from '../../lib/wire/network-table.ts'
import { quoted } from './given.ts'
import { printJsonArray, printLines } from './json-list.ts'
import { isOwn } from './own-networks.ts'
import { EXIT, print, runOnRedis } from './redis.ts'
import { readUntil, untilText } from './until.ts'

/** Bans addresses and networks; answers the exit code. */
export const addBans = (texts: readonly string[], { for: time }: { for?: string }): Promise<number> =>
  runOnRedis('write', async (target) => {
    const networks = texts.map(readNetwork)
    const untilS = time === undefined ? undefined : readUntil('--for', time, target.nowS)
    const outcomes = await makeBanList(target).put(networks.map((network) => banEntry({ network, untilS })))
    const added = outcomes.filter((outcome) => outcome === 'new').length
    for (const network of networks.filter(isOwn))
      process.stderr.write(
        `redswarm: ${networkText(network)} has addresses of this machine or of private networks: health checks, proxies and you may come from there\n`,
      )
    const before = networks.length - added
    await print(`  ${shown(added)} banned, ${shown(before)} banned before; ${untilText(untilS, target.nowS)}\n`)
    return EXIT.done
  })

/** Ends bans; answers the exit code. */
export const removeBans = (texts: readonly string[]): Promise<number> =>
  runOnRedis('write', async (target) => {
    const names = texts.map(readNetwork).map(networkText)
    const were = await makeBanList(target).remove(names)
    const missing = names.filter((_, i) => !were[i])
    for (const name of missing) process.stderr.write(`redswarm: ${name} is not banned\n`)
    await print(`  ${shown(names.length - missing.length)} no longer banned\n`)
    return missing.length === 0 ? EXIT.done : EXIT.notAll
  })

/** Prints all bans, as a table or a JSON array; answers the exit code. */
export const printBans = ({ json = false }: { json?: boolean }): Promise<number> =>
  runOnRedis('read', async (target) => {
    const rows = await readList(
      makeBanList(target),
      makeBanReader((rows) => rows),
    )
    if (json) await printJsonArray(jsonOf(rows))
    else if (rows.ipv4.length + rows.ipv6.length === 0) await print('  nobody is banned\n')
    else await printLines(tableOf(rows, target.nowS))
    return EXIT.done
  })

function* jsonOf(rows: NetworkRows): Generator<string> {
  for (const { network, value } of networksOf(rows)) {
    const until = Number.isFinite(value) ? value : null
    yield `{ "network": "${networkText(network)}", "until": ${until} }`
  }
}

/** A line at a time: of a long list, a table of texts would take a gigabyte. */
function* tableOf(rows: NetworkRows, nowS: number): Generator<string> {
  let width = 'banned'.length
  for (const { network } of networksOf(rows)) width = Math.max(width, networkText(network).length)
  yield `  ${'banned'.padEnd(width)}  until`
  for (const { network, value } of networksOf(rows)) {
    const untilS = Number.isFinite(value) ? value : undefined
    yield `  ${networkText(network).padEnd(width)}  ${untilText(untilS, nowS)}`
  }
}

function readNetwork(text: string): Network {
  const network = parseNetwork(text)
  if (network) return network
  const examples = '192.0.2.1, 192.0.2.0/24 or 2001:db8::/32'
  throw new OperatorError(`a ban is of an address or a network, like ${examples}, not ${quoted(text)}`)
}
