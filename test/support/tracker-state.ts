import { makeAccountReader } from '../../lib/store/accounts.ts'
import { makeBanList } from '../../lib/store/bans.ts'
import type { RedisClient } from '../../lib/store/client.ts'
import { makeClientList } from '../../lib/store/clients.ts'
import { makeDeniedList } from '../../lib/store/denied.ts'
import { type Keys, shardNames } from '../../lib/store/keys.ts'
import { makeListing } from '../../lib/store/listing.ts'
import { nodesOf } from '../../lib/store/nodes.ts'
import { makePasskeyStore } from '../../lib/store/passkeys.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { readStats } from '../../lib/store/stats.ts'
import { makeWhitelist } from '../../lib/store/whitelist.ts'
import { endpointText } from '../../lib/wire/endpoint.ts'
import { infoHashFromHex } from '../../lib/wire/info-hash.ts'

/** All that a tracker keeps, as its own readers tell it, whatever Redis it is in: to be held against another's. */
export async function trackerState(redis: RedisClient, keys: Keys) {
  const target = { redis, keys }
  const reader = makeSwarmReader(target)
  const swarms: Record<string, unknown> = {}
  for await (const torrents of makeListing(target).all()) {
    for (const { hex } of torrents) {
      const swarm = await reader.swarm(infoHashFromHex(hex) as never, 1_000_000)
      const peers = swarm?.peers.map(
        ({ endpoint, isSeeder, announcedS, details }) =>
          `${endpointText(endpoint)} ${isSeeder} ${announcedS} ${details?.report.toString('hex')} ${details?.event}`,
      )
      const done = await redis.callBuffer('ZRANGE', [`${keys.swarm(hex)}:done`, 0, -1, 'WITHSCORES'])
      const remembered = (done as Buffer[]).map((each) => each.toString('hex'))
      swarms[hex] = { ...swarm, peers: peers?.sort(), done: remembered }
    }
  }
  const whitelist: string[] = []
  for await (const hexes of makeWhitelist(target).scan()) whitelist.push(...hexes)
  const passkeys: unknown[] = []
  for await (const some of makePasskeyStore(target).scan()) passkeys.push(...some)
  const lists = await Promise.all(
    [makeBanList, makeDeniedList, makeClientList].map(async (make) =>
      (await Array.fromAsync(make(target).scan())).flat(),
    ),
  )
  const accounts: unknown[] = []
  for await (const account of makeAccountReader(target).all()) accounts.push(account)
  const shardAccounts = await Promise.all(shardNames().map((shard) => redis.hgetall(keys.accounts(shard))))
  const reports: string[] = []
  for (const node of nodesOf(redis).all()) {
    const pattern = `${keys.prefix.replace(/[*?[\]\\^]/g, String.raw`\$&`)}moved:*`
    for (const name of (await node.callBuffer('KEYS', [pattern])) as Buffer[]) {
      const [value, until] = [await node.getBuffer(name), await node.call('EXPIRETIME', [name])]
      reports.push(`${name.toString('hex', Buffer.byteLength(keys.prefix))} ${value?.toString('hex')} ${until}`)
    }
  }
  return {
    swarms,
    totals: await reader.totals(),
    whitelist,
    passkeys: passkeys.toSorted(byText),
    lists: lists.map((entries) => entries.toSorted(byText)),
    accounts: accounts.toSorted(byText),
    shardAccounts: shardAccounts.filter((each) => Object.keys(each).length > 0),
    reports: reports.sort(),
    stats: await readStats(redis, keys),
  }
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}` : each))

const byText = (a: unknown, b: unknown): number => (textOf(a) < textOf(b) ? -1 : 1)
