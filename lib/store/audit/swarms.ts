import { endpointFrom, endpointText } from '../../wire/endpoint.ts'
import { loadScript, runScript } from '../scripts.ts'
import type { AuditContext } from './context.ts'
import type { AuditCheck } from './report.ts'

/** Peers looked at in one script: some 3 µs each, so that one takes Redis about 1 ms. */
const PEERS_PER_CALL = 300
/** Swarms in one script at most: with two peers each, they are the same millisecond. */
const SWARMS_PER_CALL = 100

/** A fault of a swarm; `part` is the field of the chunk that it is in, empty where it is the swarm's. */
type SwarmFault = { hex: string; check: AuditCheck; part: string; text: string }
/** How much was looked at. */
type Looked = { swarms: number; peers: number; pieces: number }

/** Holds swarms of a shard against their peers, and repairs what is wrong where that is wanted. */
export async function auditSwarms(context: AuditContext, shard: string, hexes: readonly string[]): Promise<void> {
  const { keys, repair, recorder } = context
  const { faults, looked, tooLarge } = await lookAt(context, shard, hexes)
  for (const check of ['index', 'due times', 'counts'] as const) recorder.looked(check, looked.swarms)
  recorder.looked('peers', looked.peers)
  recorder.looked('pieces', looked.pieces)
  for (const hex of tooLarge)
    recorder.notCompared(`${keys.swarm(hex)} has too many chunks for its counts to be compared`)
  for (const [hex, own] of Map.groupBy(faults, (fault) => fault.hex)) {
    const isRepaired = repair && (await repairAll(context, shard, hex, own))
    for (const { check, text } of own) recorder.fault(check, keys.swarm(hex), text, isRepaired)
  }
}

/** Makes a swarm's head, texts, index entry, and all of a small one, anew from its peers. */
export async function repairSwarm(context: AuditContext, shard: string, hex: string): Promise<void> {
  const { redis, keys, peerLifetimeS, nowS } = context
  await runScript(redis, loadScript('repair_swarm'), [keys.torrents(shard)], [keys.prefix, peerLifetimeS, nowS(), hex])
}

/** Repairs a swarm, chunks first; answers whether it is right by another look. */
async function repairAll(
  context: AuditContext,
  shard: string,
  hex: string,
  faults: readonly SwarmFault[],
): Promise<boolean> {
  const { redis, keys, peerLifetimeS, nowS } = context
  const chunks = new Set(faults.map((fault) => fault.part).filter((part) => part !== ''))
  for (const chunk of chunks) {
    const args = [keys.prefix, peerLifetimeS, nowS(), hex, chunk]
    await runScript(redis, loadScript('repair_chunk'), [keys.torrents(shard)], args)
  }
  await repairSwarm(context, shard, hex)
  return (await lookAt(context, shard, [hex])).faults.length === 0
}

/** Looks at swarms in as many calls as it takes. */
async function lookAt(
  context: AuditContext,
  shard: string,
  hexes: readonly string[],
): Promise<{ faults: SwarmFault[]; looked: Looked; tooLarge: string[] }> {
  const { redis, keys, peerLifetimeS, nowS } = context
  const script = loadScript('audit_swarms')
  const faults: SwarmFault[] = []
  const tooLarge: string[] = []
  const sum: Looked = { swarms: 0, peers: 0, pieces: 0 }
  let goOn: (string | number | Buffer)[] = ['', '', '']
  for (let next = 0; next < hexes.length; ) {
    const asked = hexes.slice(next, next + SWARMS_PER_CALL)
    const args = [keys.prefix, peerLifetimeS, nowS(), PEERS_PER_CALL, ...goOn, ...asked]
    const reply = (await runScript(redis, script, [keys.torrents(shard)], args)) as Reply
    const [done, whereNext, [swarms, peers, pieces], large, found] = reply
    next += done
    goOn = whereNext
    sum.swarms += swarms
    sum.peers += peers
    sum.pieces += pieces
    tooLarge.push(...large.map(String))
    for (let i = 0; i < found.length; i += 5) faults.push(readFault(found.slice(i, i + 5)))
  }
  return { faults, looked: sum, tooLarge }
}

type Reply = [
  done: number,
  goOn: (number | Buffer)[],
  looked: [swarms: number, peers: number, pieces: number],
  tooLarge: Buffer[],
  faults: Buffer[],
]

function readFault(parts: readonly Buffer[]): SwarmFault {
  const [hex, check, part, name, text] = parts as [Buffer, Buffer, Buffer, Buffer, Buffer]
  return {
    hex: hex.toString(),
    check: check.toString() as AuditCheck,
    part: part.toString(),
    text: name.length > 0 ? `has a peer ${peerName(name)} that ${text}` : text.toString(),
  }
}

function peerName(name: Buffer): string {
  const endpoint = endpointFrom(name)
  return endpoint ? endpointText(endpoint) : JSON.stringify(name.toString('latin1'))
}
