import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import type { Task, TorrentClient } from './clients/client.ts'
import { loopbackAddress } from './loopback.ts'
import type { Child } from './process.ts'
import { makeTempFolder, type TempFolder } from './temp-folder.ts'
import { makeTorrent, PAYLOAD_NAME, sha256, type Torrent } from './torrent.ts'
import type { Counts, Protocol, Tracker } from './tracker.ts'
import { waitFor } from './wait.ts'

/** A client announces within two seconds of what it has to tell; a busy machine gets five times that. */
const ANNOUNCE_MS_MAX = 10_000
/** Transmission looks every 10 s at who may have what, and so takes 13 s; the others take 1 to 5. */
const TRANSFER_MS_MAX = 30_000

/** A client, and the way by which it asks the tracker. */
export interface Side {
  readonly client: TorrentClient
  readonly over: Protocol
  /** Where it is; at an address of the loopback where nothing is said. */
  readonly at?: { readonly address: string; readonly within: readonly string[] }
}

/** A side's client at work. */
interface Peer extends Side, AsyncDisposable {
  readonly child: Child
}

/**
 * Lets the seeder give a new file to the leecher. Done when the leecher's copy is the same and the tracker has heard so,
 * and when both have left and the tracker has heard that too. `meanwhile` runs when both are there as seeders.
 */
export async function moveFile(
  tracker: Tracker,
  seeder: Side,
  leecher: Side,
  meanwhile?: (torrent: Torrent) => Promise<void>,
): Promise<void> {
  await using folder = await makeTempFolder()
  const torrent = await makeTorrent(folder.path, tracker.announceUrl)
  const seeding = await makeTask(folder, 'seeder', seeder, torrent)
  const leeching = await makeTask(folder, 'leecher', leecher, torrent)
  await writeFile(join(seeding.downloads, PAYLOAD_NAME), torrent.payload)
  const seed = () => start(seeder, seeding)
  const leech = () => start(leecher, leeching)

  // The one that connects comes second: the answer to its first announce names the other.
  const seederFirst = leecher.client.dialsLoopback
  await using first = await (seederFirst ? seed() : leech())
  await counted(tracker, torrent, [first], seederFirst ? { complete: 1 } : { incomplete: 1 })
  await using second = await (seederFirst ? leech() : seed())
  const peers = [first, second]

  await arrived(leeching.downloads, torrent, peers)
  await counted(tracker, torrent, peers, { complete: 2, incomplete: 0, downloaded: 1 })
  await meanwhile?.(torrent)
  await Promise.all(peers.map((peer) => peer.child.stop()))
  const tell = peers.every(({ client, over }) => client.tellsThatItStops.includes(over))
  if (tell) await counted(tracker, torrent, [], { complete: 0, incomplete: 0 })
}

async function makeTask(folder: TempFolder, role: string, { over, at }: Side, torrent: Torrent): Promise<Task> {
  const [downloads, home] = [await folder.sub(role), await folder.sub(`${role}-home`)]
  const task = { torrent: torrent.paths[over], downloads, home }
  // A network of its own has all ports free.
  if (at) return { ...task, ...at, port: 6881 }
  const address = loopbackAddress()
  return { ...task, address, port: await freePort(address) }
}

async function start(side: Side, task: Task): Promise<Peer> {
  const child = await side.client.start(task)
  return { ...side, child, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() }
}

async function arrived(folder: string, torrent: Torrent, peers: readonly Peer[]): Promise<void> {
  const same = (bytes: Buffer) => sha256(bytes) === torrent.sha256
  const hasArrived = () => readFile(join(folder, PAYLOAD_NAME)).then(same, () => false)
  await whileRunning(peers, hasArrived, TRANSFER_MS_MAX, () => 'the file did not arrive')
}

async function counted(tracker: Tracker, torrent: Torrent, peers: readonly Peer[], wanted: Partial<Counts>) {
  let last: Counts | undefined
  const asWanted = async () => {
    const counts = await tracker.scrape(torrent.infoHash)
    last = counts
    return Object.entries(wanted).every(([name, count]) => counts[name as keyof Counts] === count)
  }
  const failure = () => `the tracker counts ${JSON.stringify(last)} and not ${JSON.stringify(wanted)}`
  await whileRunning(peers, asWanted, ANNOUNCE_MS_MAX, failure)
}

async function whileRunning(
  peers: readonly Peer[],
  done: () => Promise<boolean>,
  deadlineMs: number,
  failure: () => string,
): Promise<void> {
  const said = () => peers.map(({ client, child }) => `\n${client.name} said: ${child.output()}`).join('')
  const check = async () => {
    if (peers.some(({ child }) => child.exited())) throw new Error(`a client has ended; ${failure()}${said()}`)
    return done()
  }
  await waitFor(check, deadlineMs, () => failure() + said())
}
