// Run where a client is: announces a new peer of one of some torrents at a steady rate, and prints a line for each answer:
// prober.ts ADDRESS PORT RATE TORRENTS. Ends when its input does.
import { messageOf } from '../../lib/errors.ts'
import { UdpClient } from '../support/udp-client.ts'
import { probedHash } from './scene.ts'

const [address = '', port, rate, torrents] = process.argv.slice(2)
const FIRST_PORT = 1024
const CONNECT_EVERY_MS = 30_000
const client = await UdpClient.open(Number(port), address)
const connect = () => client.connect().catch(() => {})
await client.connect()
let sent = 0

async function announce(): Promise<void> {
  const peerPort = FIRST_PORT + sent
  const torrent = sent % Number(torrents)
  sent += 1
  const sentMs = Date.now()
  const problem = await client.announce({ port: peerPort, infoHash: probedHash(torrent) }).then(
    () => undefined,
    (error: unknown) => messageOf(error),
  )
  process.stdout.write(`${JSON.stringify({ port: peerPort, torrent, sentMs, answeredMs: Date.now(), problem })}\n`)
}

const timers = [setInterval(() => void announce(), 1000 / Number(rate)), setInterval(connect, CONNECT_EVERY_MS)]
process.stdin.resume().on('end', () => {
  for (const timer of timers) clearInterval(timer)
  // What is under way is waited for.
  setTimeout(() => client.close(), 2500)
})
