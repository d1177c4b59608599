import { messageOf, OperatorError } from '../../errors.ts'
import { COUNTER_NAMES } from '../../observe/counters.ts'
import { isPasskey } from '../../swarm/access.ts'
import type { Ban } from '../../swarm/bans.ts'
import { type InfoHash, infoHashFromHex } from '../../wire/info-hash.ts'
import { parseNetwork } from '../../wire/network.ts'
import type { RedisClient } from '../client.ts'
import type { Keys } from '../keys.ts'
import { type Passkey, VALID_UNTIL_S_MAX } from '../passkeys.ts'
import { loadScript, runScript } from '../scripts.ts'
import { type ImportTarget, makeBanImport, makeKeyImport, makeListingImport } from './access.ts'
import { makeSwarmImporter } from './import-swarms.ts'
import { addOutcome } from './outcome.ts'
import { type ImportReport, type ImportStep, makeTally } from './progress.ts'
import { type ExportedSwarm, readCount, readSwarmRecord } from './records.ts'

/** Where an export is imported to, and as what tracker. */
export type ImportOptions = ImportTarget & {
  redis: RedisClient
  keys: Keys
  peerLifetimeS: number
  peerDetails: boolean
  /** 0 to 1, without 1. */
  random: () => number
}

/** Takes over lines of an export into a Redis; what a record says is checked before any of a step is done. */
export function makeImporter(options: ImportOptions, report: ImportReport): (step: ImportStep) => Promise<void> {
  const { redis, keys } = options
  const list = makeListingImport(options)
  const putKeys = makeKeyImport(options)
  const ban = makeBanImport(options)
  const importSwarms = makeSwarmImporter(options)
  const tally = makeTally(report)

  const raise = async (hash: string, fields: Record<string, string>): Promise<[missing: number, less: number]> => {
    const args = Object.entries(fields).flat()
    if (args.length === 0) return [0, 0]
    return (await runScript(redis, loadScript('raise_fields'), [hash], args)) as [number, number]
  }

  const work: { [Name in keyof Records]: (record: Records[Name]) => Promise<void> } = {
    async secret(secret) {
      const isNew = (await redis.set(keys.secret, secret, 'NX')) === 'OK'
      report.secret = isNew ? 'taken' : (await redis.get(keys.secret)) === secret ? 'same' : 'other'
    },
    async counters(counters) {
      await raise(keys.stats, counters)
    },
    async whitelist(infoHashes) {
      addOutcome(report.whitelist, { rows: infoHashes.length, ...(await list(infoHashes.map(asItem))) })
    },
    async keys(passkeys) {
      addOutcome(report.keys, { rows: passkeys.length, ...(await putKeys(passkeys)) })
    },
    async bans(bans) {
      addOutcome(report.bans, { rows: bans.length, ...(await ban(bans)) })
    },
    async accounts({ shard, amounts }) {
      const raised = await Promise.all(amounts.map((fields) => raise(keys.accounts(shard), fields)))
      const added = raised.filter(([missing]) => missing > 0).length
      const changed = raised.filter(([missing, less]) => missing === 0 && less > 0).length
      addOutcome(report.accounts, { rows: raised.length, added, changed, unchanged: raised.length - added - changed })
    },
  }

  return async ({ lines, first, name }) => {
    const swarms: ExportedSwarm[] = []
    const others: (() => Promise<void>)[] = []
    for (const [i, line] of lines.entries()) {
      try {
        const record = JSON.parse(line) as Record<string, unknown>
        if ('swarm' in record) swarms.push(readSwarmRecord(record))
        else if ('end' in record) tally.readEnd(record.end)
        else others.push(jobOf(record, work))
      } catch (error) {
        throw new OperatorError(`line ${first + i} of ${name} is none of an export: ${messageOf(error)}`)
      }
    }
    for (const job of others) await job()
    for (const outcome of await importSwarms(swarms)) tally.count(outcome)
  }
}

/** What the records but swarms say. */
type Records = {
  secret: string
  counters: Record<string, string>
  whitelist: InfoHash[]
  keys: Passkey[]
  bans: Ban[]
  accounts: { shard: string; amounts: Record<string, string>[] }
}

const asItem = (infoHash: InfoHash) => ({ infoHash })

function jobOf(
  record: Record<string, unknown>,
  work: { [Name in keyof Records]: (record: Records[Name]) => Promise<void> },
): () => Promise<void> {
  const { secret, counters, whitelist, keys, bans, accounts, moved } = record
  if (typeof secret === 'string' && /^[0-9a-f]{64}$/.test(secret)) return () => work.secret(secret)
  if (typeof counters === 'object' && counters !== null) {
    const read = readCounters(counters as Record<string, unknown>)
    return () => work.counters(read)
  }
  if (Array.isArray(whitelist)) {
    const read = whitelist.map((hex) => infoHashFromHex(String(hex)) ?? refuse('what is listed is no info hash'))
    return () => work.whitelist(read)
  }
  if (Array.isArray(keys)) {
    const read = keys.map(readKey)
    return () => work.keys(read)
  }
  if (Array.isArray(bans)) {
    const read = bans.map(readBan)
    return () => work.bans(read)
  }
  if (typeof accounts === 'string' && /^[0-9a-f]{3}$/.test(accounts) && Array.isArray(moved)) {
    const amounts = moved.map(readAccount)
    return () => work.accounts({ shard: accounts, amounts })
  }
  return refuse('it is no record that this version knows')
}

function refuse(problem: string): never {
  throw new Error(problem)
}

/** Those that this version counts. */
function readCounters(counters: Record<string, unknown>): Record<string, string> {
  const known = COUNTER_NAMES.filter((name) => counters[name] !== undefined)
  return Object.fromEntries(known.map((name) => [name, String(readCount(counters[name], name))]))
}

function readUntil(value: unknown): [name: string, untilS: number | undefined] {
  const [name, until] = Array.isArray(value) ? value : []
  const untilS = readCount(until, 'until when something is good', VALID_UNTIL_S_MAX)
  return [String(name), untilS === 0 ? undefined : untilS]
}

function readKey(value: unknown): Passkey {
  const [passkey, validUntilS] = readUntil(value)
  return isPasskey(passkey) ? { passkey, validUntilS } : refuse('a key is none')
}

function readBan(value: unknown): Ban {
  const [text, untilS] = readUntil(value)
  const network = parseNetwork(text)
  return network ? { network, untilS } : refuse('what is banned is no network')
}

function readAccount(value: unknown): Record<string, string> {
  const [passkey, up, down] = Array.isArray(value) ? value : []
  const isAmount = (text: unknown): text is string => typeof text === 'string' && /^(?:0|[1-9]\d{0,18})$/.test(text)
  if (typeof passkey !== 'string' || !isPasskey(passkey) || !isAmount(up) || !isAmount(down))
    return refuse('an account is none')
  // An account has no field of what it has not moved.
  return Object.fromEntries([
    ...(up === '0' ? [] : [[`${passkey}:up`, up]]),
    ...(down === '0' ? [] : [[`${passkey}:down`, down]]),
  ])
}
