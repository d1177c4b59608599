import { isPasskey } from '../../swarm/access.ts'
import { atMasters } from '../at-masters.ts'
import type { RedisClient } from '../client.ts'
import { isMovedKey, type Keys } from '../keys.ts'
import { isCluster, nodesOf } from '../nodes.ts'
import { scanKeys } from '../scan-keys.ts'
import { loadScript, runScript } from '../scripts.ts'
import type { Importer } from './access.ts'
import { type KeyReport, readAmount, readCount } from './records.ts'

/** Keys that one SCAN looks at: 0.2 ms of Redis. */
const SCAN_COUNT = 1000
/** Reports in one script: a fifth of a millisecond. */
const PER_CALL = 100
const PEER_ID_BYTES = 20
const AMOUNTS_BYTES = 16

/** Reads what clients with passkeys have said last (`moved:…`), some at a time; no index tells of them, so that all names are gone through. */
export async function* readReports(redis: RedisClient, keys: Keys): AsyncGenerator<KeyReport[]> {
  const script = loadScript('export_reports')
  const prefixBytes = Buffer.byteLength(keys.prefix)
  for (const node of nodesOf(redis).all()) {
    for await (const found of scanKeys(node, `${keys.prefix}moved:`, SCAN_COUNT)) {
      const names = found.map((bytes) => ({ bytes, name: bytes.subarray(prefixBytes).toString('latin1') }))
      const ours = names.filter(({ name }) => isMovedKey(name))
      for (let at = 0; at < ours.length; at += PER_CALL) {
        const some = ours.slice(at, at + PER_CALL)
        const replies = await atMasters(redis, some, keyOf, async (master, own) => {
          const reply = (await runScript(
            master,
            script,
            [],
            own.map(({ bytes }) => bytes),
          )) as (Buffer | number)[]
          return own.map((_, i) => [reply[2 * i], reply[2 * i + 1]] as const)
        })
        yield some.flatMap(({ name }, i) => reportOf(name, ...(replies[i] as [Buffer, number])))
      }
    }
  }
}

/** The hash tag alone says where a key is. */
const keyOf = ({ name }: { name: string }): string => name

/** Nothing where it has expired meanwhile, or somebody else has written what is none. */
function reportOf(name: string, amounts: Buffer, untilS: number): KeyReport[] {
  const [, , hex = '', passkey = ''] = name.split(':', 4)
  const peerId = Buffer.from(name.slice(-PEER_ID_BYTES), 'latin1').toString('hex')
  if (amounts.length !== AMOUNTS_BYTES || untilS <= 0 || !isPasskey(passkey)) return []
  return [[hex, passkey, peerId, `${amounts.readBigUInt64BE(0)}`, `${amounts.readBigUInt64BE(8)}`, untilS]]
}

/** A report as `lua/import_reports.lua` takes it. */
export type PackedReport = { hex: string; passkey: string; peerId: Buffer; amounts: Buffer; untilS: number }

/** Reads a report from a record; throws an Error that says what is wrong with it. */
export function readReport(value: unknown): PackedReport {
  const [hex, passkey, peerId, downloaded, uploaded, until] = Array.isArray(value) ? value : []
  const isHex = (text: unknown): text is string => typeof text === 'string' && /^[0-9a-f]{40}$/.test(text)
  if (!isHex(hex) || !isHex(peerId) || typeof passkey !== 'string' || !isPasskey(passkey))
    throw new Error('what a client has said is of none')
  const amounts = Buffer.alloc(AMOUNTS_BYTES)
  amounts.writeBigUInt64BE(readAmount(downloaded), 0)
  amounts.writeBigUInt64BE(readAmount(uploaded), 8)
  const untilS = readCount(until, 'until when a report is remembered', 2 ** 32 - 1)
  return { hex, passkey, peerId: Buffer.from(peerId, 'hex'), amounts, untilS }
}

/** Takes over what clients have said last, where they have not said more here since. */
export function makeReportImport({
  redis,
  keys,
  peerLifetimeS,
}: {
  redis: RedisClient
  keys: Keys
  peerLifetimeS: number
}): Importer<PackedReport> {
  const script = loadScript('import_reports')
  const head = [keys.prefix, peerLifetimeS, isCluster(redis) ? '1' : '']
  return async (reports) => {
    const outcome = { added: 0, changed: 0, unchanged: 0, expired: 0, bad: 0 }
    for (let at = 0; at < reports.length; at += PER_CALL) {
      const some = reports.slice(at, at + PER_CALL)
      const replies = await atMasters(
        redis,
        some,
        ({ hex }) => keys.swarm(hex),
        async (node, own) => {
          const args = own.flatMap(({ hex, passkey, peerId, amounts, untilS }) => [
            hex,
            passkey,
            peerId,
            amounts,
            untilS,
          ])
          return (await runScript(node, script, [], [...head, ...args])) as Buffer[]
        },
      )
      for (const word of replies) outcome[word.toString() as keyof typeof outcome] += 1
    }
    return outcome
  }
}
