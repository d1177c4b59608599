import { isPasskey } from '../../swarm/access.ts'
import { networkText } from '../../wire/network.ts'
import { accountField, readAccountFields } from '../accounts.ts'
import { makeBanStore } from '../bans.ts'
import type { RedisClient } from '../client.ts'
import { type Keys, shardNames } from '../keys.ts'
import { makePasskeyStore } from '../passkeys.ts'
import { makeSwarmReader } from '../reader.ts'
import { readStats } from '../stats.ts'
import { makeWhitelist } from '../whitelist.ts'
import { ahead } from './ahead.ts'
import { makeLineWriter } from './lines.ts'
import { readSwarms } from './read-swarms.ts'
import {
  EXPORT_FORMAT,
  type ExportCounts,
  type ExportHeader,
  type ExportRecord,
  noCounts,
  type ShardAccount,
  swarmLine,
  type Until,
} from './records.ts'

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
  if (secret !== null) yield { secret }
  yield { counters: await readStats(redis, keys) }
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
  const bans = (await makeBanStore(options).all()).map(
    ({ network, untilS = 0 }): Until => [networkText(network), untilS],
  )
  for (const some of slices(bans)) {
    report.bans += some.length
    yield { bans: some }
  }
  yield* accountsOf(options, report)
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
    if (!found || !isPasskey(found.passkey) || !/^\d{1,19}$/.test(text)) continue
    amounts.set(found.passkey, { up: '0', down: '0', ...amounts.get(found.passkey), [found.way]: text })
  }
  return [...amounts].map(([passkey, { up, down }]) => [passkey, up, down])
}

function* slices<T>(all: readonly T[]): Generator<T[]> {
  for (let at = 0; at < all.length; at += NAMES_PER_LINE) yield all.slice(at, at + NAMES_PER_LINE)
}
