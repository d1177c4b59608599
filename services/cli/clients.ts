import { OperatorError } from '../../lib/errors.ts'
import { shown, tableOf } from '../../lib/observe/table.ts'
import { makeClientList, makeClientReader, rulesOf } from '../../lib/store/clients.ts'
import { readList } from '../../lib/store/list-copy.ts'
import { type ClientRule, ruleOfOthers } from '../../lib/swarm/clients.ts'
import { parsePeerIdPrefix, peerIdPrefixText } from '../../lib/wire/peer-id-prefix.ts'
import { quoted } from './given.ts'
import { printJsonArray } from './json-list.ts'
import { EXIT, print, runOnRedis } from './redis.ts'
import { textOf } from './text.ts'

const putAs =
  (rule: ClientRule) =>
  (texts: readonly string[]): Promise<number> =>
    runOnRedis('write', async (target) => {
      const prefixes = texts.map(readPrefix)
      const outcomes = await makeClientList(target).put(prefixes.map((prefix) => [prefix, rule]))
      const before = outcomes.filter((outcome) => outcome === 'same').length
      const done = { allow: 'allowed', deny: 'denied' }[rule]
      await print(`  ${shown(outcomes.length - before)} ${done}, ${shown(before)} ${done} before\n`)
      return EXIT.done
    })

/** Allows clients by what their peer ids begin with; answers the exit code. */
export const allowClients = putAs('allow')

/** Denies clients; answers the exit code. */
export const denyClients = putAs('deny')

/** Takes clients off the list; answers the exit code. */
export const removeClients = (texts: readonly string[]): Promise<number> =>
  runOnRedis('write', async (target) => {
    const prefixes = texts.map(readPrefix)
    const were = await makeClientList(target).remove(prefixes)
    const missing = prefixes.filter((_, i) => !were[i])
    for (const prefix of missing) process.stderr.write(`redswarm: ${quoted(prefix)} is not on the list\n`)
    await print(`  ${shown(prefixes.length - missing.length)} taken off the list\n`)
    return missing.length === 0 ? EXIT.done : EXIT.notAll
  })

/** Prints the list, as a table or a JSON array, and what it says of all other clients; answers the exit code. */
export const printClients = ({ json = false }: { json?: boolean }): Promise<number> =>
  runOnRedis('read', async (target) => {
    const rules = await readList(makeClientList(target), makeClientReader(rulesOf))
    if (json) await printJsonArray(rules.map(([prefix, rule]) => JSON.stringify({ prefix, rule })))
    else if (rules.length === 0) await print('  all clients are served\n')
    else {
      const isServed = ruleOfOthers(rules.map(([, rule]) => rule)) === 'allow'
      const others = isServed ? 'served' : 'refused, since some are allowed'
      await print(textOf([...tableOf(['peer id', 'rule'], rules, [0, 1]), `  all others are ${others}`]))
    }
    return EXIT.done
  })

function readPrefix(text: string): string {
  const prefix = text.startsWith('--') ? undefined : parsePeerIdPrefix(text)
  if (prefix) return peerIdPrefixText(prefix)
  const rule = String.raw`1 to 20 characters like -XL0012-, other bytes and a minus before a minus as \x00`
  throw new OperatorError(`a client is what its peer id begins with, ${rule}, not ${quoted(text)}`)
}
