import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { HEAD_BYTES } from '../../lib/store/layout.ts'
import { makeSwarmReader } from '../../lib/store/reader.ts'
import { makeRecords, STORED_REPORT_BYTES } from '../../lib/store/records.ts'
import { loadScript, makeScript, runScript } from '../../lib/store/scripts.ts'
import type { StoredAnnounce } from '../../lib/swarm/store.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const keys = makeKeys('')
const FORMER = makeScript('announce', readFileSync(new URL('former/announce.lua', import.meta.url), 'utf8'))
/** One stays small, one comes to have chunks. */
const [SMALL, LARGE] = [hashOf('a'), hashOf('b')]
const PEERS = { [SMALL.toString('hex')]: 8, [LARGE.toString('hex')]: 400 }
const ROUNDS = 60
const PER_CALL = 64

/** Sends announces to Redis; fails where one is refused. */
type Frontend = (announces: StoredAnnounce[]) => Promise<void>

/** A frontend of this version. */
function frontend(): Frontend {
  const store = storeOn(server().redis)
  return async (announces) => {
    for (const reply of await store.announce(announces)) expect(reply).toMatchObject({ ok: true })
  }
}

/** A frontend of the version before: it calls its own script, with its arguments, and remembers what that answers. */
function formerFrontend(): Frontend {
  const records = makeRecords(keys, true, Math.random)
  return async (announces) => {
    const into = Buffer.alloc(records.recordBytesMax * announces.length)
    let end = 0
    for (const announce of announces) end = records.write(into, end, announce)
    const bytes = into.subarray(0, end)
    const seed = Math.floor(Math.random() * 2 ** 31)
    const args = ['', 3900, STORED_REPORT_BYTES, '', seed, '', bytes, 1000]
    const reply = (await runScript(server().redis, FORMER, [], args)) as (Buffer | null)[]
    records.learn(bytes, (i) => reply[2 * i])
    for (const i of announces.keys()) expect(reply[2 * i]).toHaveLength(HEAD_BYTES)
  }
}

describe('two versions of the script of announces', () => {
  it('are two libraries, and keep the same swarms side by side', async () => {
    const { redis } = server()
    expect(FORMER.id).not.toBe(loadScript('announce').id)
    /** What each peer did last; its next announce may go to the other version. */
    const last = new Map<string, { isSeeder: boolean; isThere: boolean }>()
    const frontends = [frontend(), formerFrontend(), frontend(), formerFrontend()]
    for (let round = 0; round < ROUNDS; round++) {
      const batches: StoredAnnounce[][] = frontends.map(() => [])
      const busy = new Set<string>()
      for (let i = 0; i < frontends.length * PER_CALL; i++) {
        const infoHash = i % 5 === 0 ? SMALL : LARGE
        const number = Math.floor(Math.random() * (PEERS[infoHash.toString('hex')] as number))
        const name = `${infoHash.toString('hex')} ${number}`
        // One announce of a peer at a time, as a client does.
        if (busy.has(name)) continue
        busy.add(name)
        const isSeeder = Math.random() < 0.5
        const event =
          Math.random() < 0.15 ? EVENT.stopped : isSeeder && Math.random() < 0.3 ? EVENT.completed : EVENT.none
        const announce = announceOf({ infoHash, endpoint: at('192.0.2.1', 1000 + number), isSeeder, event })
        batches[i % frontends.length]?.push(announce)
        last.set(name, { isSeeder, isThere: event !== EVENT.stopped })
      }
      await Promise.all(frontends.map((send, i) => send(batches[i] as StoredAnnounce[])))
    }
    const libraries = JSON.stringify(await redis.call('FUNCTION', 'LIST', 'LIBRARYNAME', 'redswarm_announce_*'))
    expect([libraries.includes(FORMER.id), libraries.includes(loadScript('announce').id)]).toEqual([true, true])
    for (const infoHash of [SMALL, LARGE]) {
      const hex = infoHash.toString('hex')
      const there = [...last].filter(([name, { isThere }]) => name.startsWith(hex) && isThere)
      const swarm = await makeSwarmReader({ redis, keys }).swarm(infoHash, 10_000)
      expect(swarm?.peers.map(({ endpoint, isSeeder }) => `${endpoint.toString('hex')} ${isSeeder}`).sort()).toEqual(
        there
          .map(
            ([name, { isSeeder }]) =>
              `${at('192.0.2.1', 1000 + Number(name.split(' ')[1])).toString('hex')} ${isSeeder}`,
          )
          .sort(),
      )
    }
    expect((await auditAll({ redis, keys, peerLifetimeS: 3900 })).faults).toEqual([])
  })
})
