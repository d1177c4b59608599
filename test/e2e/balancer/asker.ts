// Clients of a tracker in a network of their own, for nftables.test.ts: asker.ts UDP-PORT HTTP-PORT TRACKER,FROM,FROM…
// Prints what each is told, as one JSON object.
import { announce } from '../../support/http-client.ts'
import { UdpClient } from '../../support/udp-client.ts'

const [udpPort, httpPort, ...given] = process.argv.slice(2)
const told: { from: string; ids: number; peers: string; httpIp: string }[] = []
const pairs = given.flatMap((each) => {
  const [tracker = '', ...sources] = each.split(',')
  return sources.map((from) => [tracker, from] as const)
})
for (const [tracker, from] of pairs) {
  const client = await UdpClient.open(Number(udpPort), tracker, from)
  await client.connect()
  const { connectionId } = client
  client.close()
  // Each from a port of its own, so that another frontend may get it; the id is that of one of them.
  let [ids, peers] = [0, '']
  for (let port = 7001; port <= 7004; port++) {
    const another = await UdpClient.open(Number(udpPort), tracker, from)
    const reply = await another.announce({ connectionId, port })
    ids += 1
    peers = reply.peers.toString('hex')
    another.close()
  }
  const host = tracker.includes(':') ? `[${tracker}]` : tracker
  const answer = await announce(`http://${host}:${httpPort}`, {}, from)
  told.push({ from, ids, peers, httpIp: Buffer.from(answer['external ip'], 'latin1').toString('hex') })
}
console.log(JSON.stringify(told))
