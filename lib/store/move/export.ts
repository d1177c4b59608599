import { isPasskey } from '../../swarm/access.ts'
import { infoHashFromHex } from '../../wire/info-hash.ts'
import { networkText, parseNetwork } from '../../wire/network.ts'
import { parsePeerIdPrefix } from '../../wire/peer-id-prefix.ts'
import { accountField, readAccountFields } from '../accounts.ts'
import { makeBanList } from '../bans.ts'
import type { RedisClient } from '../client.ts'
import { isClientRule, makeClientList } from '../clients.ts'
import { makeDeniedList } from '../denied.ts'
import { type Keys, shardNames } from '../keys.ts'
import { makePasskeyStore } from '../passkeys.ts'
import { makeSwarmReader } from '../reader.ts'
import { SECRET } from '../secret.ts'
import { readStats } from '../stats.ts'
import { readUntil } from '../until.ts'
import { makeWhitelist } from '../whitelist.ts'
import { ahead } from './ahead.ts'
import { makeLineWriter } from './lines.ts'
import { readSwarms } from './read-swarms.ts'
import {
  AMOUNT,
  EXPORT_FORMAT,
  type ExportCounts,
  type ExportHeader,
  type ExportRecord,
  noCounts,
  type Rule,
  type ShardAccount,
  swarmLine,
  type Until,
} from './records.ts'
import { readReports } from './reports.ts'

/** What is wanted of an export. */
export type ExportOptions = {
  redis: RedisClient
  keys: Keys
  /** Of this export alone: 32 hex digits. */
  id: string
  version: string
  /** Whether peers, with who has completed, are in it. */
  withPeers: boolean
  /** Whether the secret that connection ids are made with is in it. */
  withSecret: boolean
}

/** What was exported by now; what of it is damaged was left out. */
export type ExportReport = ExportCounts & { damaged: string[]; damagedCount: number }

/** A piece of an export's text, and how far it is, in torrents. */
export type ExportPiece = { text: string; done: number; total: number }

/** Damaged swarms that are told one by one. */
const DAMAGED_TOLD_MAX = 20
/** Names in one line. */
const NAMES_PER_LINE = 500
/** Shards whose accounts are read side by side. */
const SHARDS_AT_ONCE = 16

/** Reads the whole state of a tracker as lines of JSON (docs/operations.md), a piece at a time, in scripts of a millisecond. */
export async function* exportAll(options: ExportOptions, report: ExportReport): AsyncGenerator<ExportPiece> {
  const writer = makeLineWriter()
  const total = (await makeSwarmReader(options).totals()).torrents
  const pieceOf = (text: string): ExportPiece => ({ text, done: report.torrents, total })
  for await (const lines of linesOf(options, report, total)) {
    const text = writer.add(lines)
    if (text !== '') yield pieceOf(text)
  }
  yield pieceOf(writer.end())
}

/** Nothing exported yet. */
export const makeExportReport = (): ExportReport => ({ ...noCounts(), damaged: [], damagedCount: 0 })

async function* linesOf(options: ExportOptions, report: ExportReport, torrents: number): AsyncGenerator<string> {
  const { redis, keys, id, version, withPeers: peers } = options
  const at = Number((await redis.time())[0])
  const header: ExportHeader = { redswarm: 'export', format: EXPORT_FORMAT, id, at, version, peers, torrents }
  yield `${JSON.stringify(header)}\n`
  for await (const record of recordsOf(options, report)) yield lineOf(record)
  for await (const swarms of ahead(readSwarms(redis, keys, peers))) {
    let lines = ''
    for (const read of swarms) {
      if ('damaged' in read) {
        report.damagedCount += 1
        if (report.damaged.length < DAMAGED_TOLD_MAX) report.damaged.push(read.damaged)
        continue
      }
      if (read.isFirst) report.torrents += 1
      report.peers += read.swarm.peers.length
      lines += swarmLine(read.swarm)
    }
    yield lines
  }
  const { damaged: _, damagedCount: __, ...end } = report
  yield lineOf({ end })
}

const lineOf = (record: ExportRecord): string => `${JSON.stringify(record)}\n`

/** All but the swarms. */
async function* recordsOf(options: ExportOptions, report: ExportReport): AsyncGenerator<ExportRecord> {
  const { redis, keys, withSecret } = options
  const secret = withSecret ? await redis.get(keys.secret) : null
  if (secret !== null && SECRET.test(secret)) yield { secret }
  const counters = Object.entries(await readStats(redis, keys)).filter(
    ([, count]) => Number.isSafeInteger(count) && count >= 0,
  )
  yield { counters: Object.fromEntries(counters) }
  for await (const hexes of makeWhitelist(options).scan()) {
    for (const whitelist of slices(hexes.filter((hex) => /^[0-9a-f]{40}$/.test(hex)))) {
      report.whitelist += whitelist.length
      yield { whitelist }
    }
  }
  for await (const passkeys of makePasskeyStore(options).scan()) {
    const sound = passkeys.filter(({ passkey }) => isPasskey(passkey))
    for (const some of slices(sound.map(({ passkey, validUntilS = 0 }): Until => [passkey, validUntilS]))) {
      report.keys += some.length
      yield { keys: some }
    }
  }
  yield* listsOf(options, report)
  yield* accountsOf(options, report)
  // Without peers, nobody goes on where he was. After the accounts: what is credited in between is missing there, not counted twice.
  if (!options.withPeers) return
  for await (const some of readReports(redis, keys)) {
    for (const reports of slices(some)) {
      report.reports += reports.length
      yield { reports }
    }
  }
}

/** The lists that operators keep; what of them is none of their names is left out. */
async function* listsOf(options: ExportOptions, report: ExportReport): AsyncGenerator<ExportRecord> {
  for await (const entries of makeBanList(options).scan()) {
    const sound = entries.flatMap(([text, until]): Until[] => {
      const network = parseNetwork(text)
      return network ? [[networkText(network), readUntil(until) ?? 0]] : []
    })
    for (const bans of slices(sound)) {
      report.bans += bans.length
      yield { bans }
    }
  }
  for await (const entries of makeDeniedList(options).scan()) {
    const sound = entries.filter(([hex]) => infoHashFromHex(hex))
    for (const denied of slices(sound.map(([hex, until]): Until => [hex, readUntil(until) ?? 0]))) {
      report.denied += denied.length
      yield { denied }
    }
  }
  for await (const entries of makeClientList(options).scan()) {
    const sound = entries.flatMap(([text, rule]): Rule[] =>
      parsePeerIdPrefix(text) && isClientRule(rule) ? [[text, rule]] : [],
    )
    for (const clients of slices(sound)) {
      report.clients += clients.length
      yield { clients }
    }
  }
}

async function* accountsOf({ redis, keys }: ExportOptions, report: ExportReport): AsyncGenerator<ExportRecord> {
  const shards = shardNames()
  for (let at = 0; at < shards.length; at += SHARDS_AT_ONCE) {
    const some = shards.slice(at, at + SHARDS_AT_ONCE)
    const read = await Promise.all(some.map((shard) => readAccounts(redis, keys.accounts(shard))))
    for (const [i, accounts] of some.entries()) {
      for (const moved of slices(read[i] as ShardAccount[])) {
        report.accounts += moved.length
        yield { accounts, moved }
      }
    }
  }
}

/** What is no account's is left out. */
async function readAccounts(redis: RedisClient, key: string): Promise<ShardAccount[]> {
  const amounts = new Map<string, { up: string; down: string }>()
  for (const [field, text] of await readAccountFields(redis, key)) {
    const found = accountField(field)
    if (!found || !isPasskey(found.passkey) || !AMOUNT.test(text)) continue
    amounts.set(found.passkey, { up: '0', down: '0', ...amounts.get(found.passkey), [found.way]: text })
  }
  return [...amounts].map(([passkey, { up, down }]) => [passkey, up, down])
}

function* slices<T>(all: readonly T[]): Generator<T[]> {
  for (let at = 0; at < all.length; at += NAMES_PER_LINE) yield all.slice(at, at + NAMES_PER_LINE)
}
