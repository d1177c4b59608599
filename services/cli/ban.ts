import { OperatorError } from '../../lib/errors.ts'
import { shown, tableOf } from '../../lib/observe/table.ts'
import { makeBanStore } from '../../lib/store/bans.ts'
import { type Network, networkText, parseNetwork } from '../../lib/wire/network.ts'
import { quoted } from './given.ts'
import { EXIT, print, runOnRedis } from './redis.ts'
import { readUntil, untilText } from './until.ts'

/** Bans addresses and networks; answers the exit code. */
export const addBans = (texts: readonly string[], { for: time }: { for?: string }): Promise<number> =>
  runOnRedis('write', async (target) => {
    const networks = texts.map(readNetwork)
    const untilS = time === undefined ? undefined : readUntil('--for', time, target.nowS)
    const store = makeBanStore(target)
    let added = 0
    for (const network of networks) if (await store.put({ network, untilS })) added += 1
    const before = networks.length - added
    await print(`  ${shown(added)} banned, ${shown(before)} banned before; ${untilText(untilS, target.nowS)}\n`)
    return EXIT.done
  })

/** Ends bans; answers the exit code. */
export const removeBans = (texts: readonly string[]): Promise<number> =>
  runOnRedis('write', async (target) => {
    const store = makeBanStore(target)
    let missing = 0
    for (const network of texts.map(readNetwork)) {
      if (await store.remove(network)) continue
      missing += 1
      process.stderr.write(`redswarm: ${networkText(network)} is not banned\n`)
    }
    await print(`  ${shown(texts.length - missing)} no longer banned\n`)
    return missing === 0 ? EXIT.done : EXIT.notAll
  })

/** Prints all bans, as a table or a JSON array; answers the exit code. */
export const printBans = ({ json = false }: { json?: boolean }): Promise<number> =>
  runOnRedis('read', async (target) => {
    const bans = (await makeBanStore(target).all())
      .sort((a, b) => compareNetworks(a.network, b.network))
      .map(({ network, untilS }) => ({ network: networkText(network), untilS }))
    if (json) {
      const rows = bans.map(({ network, untilS = null }) => ({ network, until: untilS }))
      await print(`${JSON.stringify(rows, undefined, 2)}\n`)
    } else if (bans.length === 0) await print('  nobody is banned\n')
    else {
      const rows = bans.map(({ network, untilS }) => [network, untilText(untilS, target.nowS)])
      await print(`${tableOf(['banned', 'until'], rows, [0, 1]).join('\n')}\n`)
    }
    return EXIT.done
  })

/** IPv4 before IPv6, each by its bytes. */
const compareNetworks = (a: Network, b: Network): number =>
  a.address.length - b.address.length || Buffer.compare(a.address, b.address) || a.bits - b.bits

function readNetwork(text: string): Network {
  const network = parseNetwork(text)
  if (network) return network
  const examples = '192.0.2.1, 192.0.2.0/24 or 2001:db8::/32'
  throw new OperatorError(`a ban is of an address or a network, like ${examples}, not ${quoted(text)}`)
}
