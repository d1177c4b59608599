import { OperatorError } from '../../lib/errors.ts'
import { printable, tableOf } from '../../lib/observe/table.ts'
import { type Account, makeAccountReader } from '../../lib/store/accounts.ts'
import { makePasskey, makePasskeyStore, type Passkey } from '../../lib/store/passkeys.ts'
import { isPasskey, PASSKEY_CHARS } from '../../lib/swarm/access.ts'
import { quoted } from './given.ts'
import { EXIT, print, runOnRedis, type Target } from './redis.ts'
import { readUntil, untilText } from './until.ts'

/** Adds a passkey, one of chance where none is given, and prints it; answers the exit code. */
export const addKey = (given: string | undefined, { valid }: { valid?: string }): Promise<number> =>
  runOnRedis('write', async (target) => {
    const passkey = given === undefined ? makePasskey() : readKey(given)
    const validUntilS = valid === undefined ? undefined : readUntil('--valid', valid, target.nowS)
    const isNew = await makePasskeyStore(target).put({ passkey, validUntilS })
    // The key alone goes where a script reads it.
    await print(`${passkey}\n`)
    process.stderr.write(
      `  ${isNew ? 'added, valid' : 'it was there; valid now'} ${untilText(validUntilS, target.nowS)}\n`,
    )
    return EXIT.done
  })

/** Removes a passkey; answers the exit code. */
export const removeKey = (given: string): Promise<number> =>
  runOnRedis('write', async (target) => {
    const isRemoved = await makePasskeyStore(target).remove(given)
    if (isRemoved) await print('  removed\n')
    else process.stderr.write(`redswarm: there is no key ${quoted(given)}\n`)
    return isRemoved ? EXIT.done : EXIT.notAll
  })

/** A passkey and what was moved with it. */
type KeyRow = Passkey & Account

/** Prints all passkeys with what was moved with each, as a table or JSON; answers the exit code. */
export const printKeys = ({ json = false }: { json?: boolean }): Promise<number> =>
  runOnRedis('read', async (target) => {
    const rows = await readKeys(target)
    await print(json ? jsonOf(rows) : textOf(rows, target.nowS))
    return EXIT.done
  })

/** In the order of the keys. What was moved with keys that are no longer there is left out. */
async function readKeys(target: Target): Promise<KeyRow[]> {
  const found = new Map<string, Passkey>()
  for await (const some of makePasskeyStore(target).scan()) for (const each of some) found.set(each.passkey, each)
  const accounts = new Map<string, Account>()
  for await (const [passkey, account] of makeAccountReader(target).all()) {
    if (found.has(passkey)) accounts.set(passkey, account)
  }
  return [...found.values()]
    .sort((a, b) => (a.passkey < b.passkey ? -1 : 1))
    .map((each) => ({ ...each, ...(accounts.get(each.passkey) ?? { uploaded: 0n, downloaded: 0n }) }))
}

/** Amounts are written digit by digit: as numbers of JavaScript they would be rounded from 2^53 on. */
function jsonOf(rows: readonly KeyRow[]): string {
  const lines = rows.map(
    ({ passkey, validUntilS = null, uploaded, downloaded }) =>
      `  { "key": ${JSON.stringify(passkey)}, "valid_until": ${validUntilS}, "uploaded": ${uploaded}, "downloaded": ${downloaded} }`,
  )
  return rows.length === 0 ? '[]\n' : `[\n${lines.join(',\n')}\n]\n`
}

function textOf(rows: readonly KeyRow[], nowS: number): string {
  if (rows.length === 0) return '  no keys: `redswarm keys add` makes one\n'
  const lines = rows.map(({ passkey, validUntilS, uploaded, downloaded }) => [
    printable(passkey),
    untilText(validUntilS, nowS),
    uploaded.toLocaleString('en-US'),
    downloaded.toLocaleString('en-US'),
  ])
  return `${tableOf(['key', 'valid', 'bytes up', 'bytes down'], lines, [0, 1]).join('\n')}\n`
}

function readKey(text: string): string {
  if (isPasskey(text)) return text
  throw new OperatorError(`a key must be ${PASSKEY_CHARS} letters and digits, not ${quoted(text)}`)
}
