import { messageOf, OperatorError } from '../../errors.ts'
import { COUNTER_NAMES } from '../../observe/counters.ts'
import { isPasskey } from '../../swarm/access.ts'
import { type InfoHash, infoHashFromHex } from '../../wire/info-hash.ts'
import { networkText, parseNetwork } from '../../wire/network.ts'
import { parsePeerIdPrefix, peerIdPrefixText } from '../../wire/peer-id-prefix.ts'
import { makeBanList } from '../bans.ts'
import type { RedisClient } from '../client.ts'
import { isClientRule, makeClientList } from '../clients.ts'
import { makeDeniedList } from '../denied.ts'
import type { Keys } from '../keys.ts'
import type { ListEntry } from '../list.ts'
import type { Passkey } from '../passkeys.ts'
import { loadScript, runScript } from '../scripts.ts'
import { SECRET } from '../secret.ts'
import { VALID_UNTIL_S_MAX } from '../until.ts'
import { type ImportTarget, makeEntryImport, makeKeyImport, makeListingImport, makeUntilImport } from './access.ts'
import { makeSwarmImporter } from './import-swarms.ts'
import { addOutcome } from './outcome.ts'
import { type ImportReport, type ImportStep, makeTally } from './progress.ts'
import { AMOUNT, type ExportedSwarm, readCount, readSwarmRecord } from './records.ts'
import { makeReportImport, type PackedReport, readReport } from './reports.ts'

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
  const ban = makeUntilImport(makeBanList(options), options)
  const deny = makeUntilImport(makeDeniedList(options), options)
  const putClients = makeEntryImport(makeClientList(options))
  const putReports = makeReportImport(options)
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
    async denied(denied) {
      addOutcome(report.denied, { rows: denied.length, ...(await deny(denied)) })
    },
    async clients(rules) {
      addOutcome(report.clients, { rows: rules.length, ...(await putClients(rules)) })
    },
    async accounts({ shard, amounts }) {
      const raised = await Promise.all(amounts.map((fields) => raise(keys.accounts(shard), fields)))
      const added = raised.filter(([missing]) => missing > 0).length
      const changed = raised.filter(([missing, less]) => missing === 0 && less > 0).length
      addOutcome(report.accounts, { rows: raised.length, added, changed, unchanged: raised.length - added - changed })
    },
    async reports(reports) {
      addOutcome(report.reports, { rows: reports.length, ...(await putReports(reports)) })
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
  bans: ListEntry[]
  denied: ListEntry[]
  clients: ListEntry[]
  accounts: { shard: string; amounts: Record<string, string>[] }
  reports: PackedReport[]
}

const asItem = (infoHash: InfoHash) => ({ infoHash })

function jobOf(
  record: Record<string, unknown>,
  work: { [Name in keyof Records]: (record: Records[Name]) => Promise<void> },
): () => Promise<void> {
  const { secret, counters, whitelist, keys, bans, denied, clients, accounts, moved, reports } = record
  if (typeof secret === 'string' && SECRET.test(secret)) return () => work.secret(secret)
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
  if (Array.isArray(denied)) {
    const read = denied.map(readDenied)
    return () => work.denied(read)
  }
  if (Array.isArray(clients)) {
    const read = clients.map(readClient)
    return () => work.clients(read)
  }
  if (typeof accounts === 'string' && /^[0-9a-f]{3}$/.test(accounts) && Array.isArray(moved)) {
    const amounts = moved.map(readAccount)
    return () => work.accounts({ shard: accounts, amounts })
  }
  if (Array.isArray(reports)) {
    const read = reports.map(readReport)
    return () => work.reports(read)
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

function readBan(value: unknown): ListEntry {
  const [text, untilS = 0] = readUntil(value)
  const network = parseNetwork(text)
  return network ? [networkText(network), String(untilS)] : refuse('what is banned is no network')
}

function readDenied(value: unknown): ListEntry {
  const [text, untilS = 0] = readUntil(value)
  const infoHash = infoHashFromHex(text)
  return infoHash ? [infoHash.toString('hex'), String(untilS)] : refuse('what is denied is no info hash')
}

function readClient(value: unknown): ListEntry {
  const [text, rule] = Array.isArray(value) ? value.map(String) : []
  const prefix = parsePeerIdPrefix(text ?? '')
  if (!prefix || !isClientRule(rule ?? '')) return refuse('a client is none, or has no rule')
  return [peerIdPrefixText(prefix), String(rule)]
}

function readAccount(value: unknown): Record<string, string> {
  const [passkey, up, down] = Array.isArray(value) ? value : []
  const isAmount = (text: unknown): text is string => typeof text === 'string' && AMOUNT.test(text)
  if (typeof passkey !== 'string' || !isPasskey(passkey) || !isAmount(up) || !isAmount(down))
    return refuse('an account is none')
  // An account has no field of what it has not moved.
  return Object.fromEntries([
    ...(up === '0' ? [] : [[`${passkey}:up`, up]]),
    ...(down === '0' ? [] : [[`${passkey}:down`, down]]),
  ])
}
