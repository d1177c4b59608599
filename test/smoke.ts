// Starts the tracker by `npm start`, announces to it by UDP and HTTP, ends it with SIGTERM, and expects exit code 0.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import bencode from 'bencode'
import { freePort } from './support/free-port.ts'
import { UdpClient } from './support/udp-client.ts'

const SERVE_MS_MAX = 60_000

const dataDir = await mkdtemp(join(tmpdir(), 'redswarm-smoke-'))
const [udp, http, api] = [await freePort(), await freePort(), await freePort()]
const tracker = spawn('npm', ['start'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    REDSWARM_DATA_DIR: dataDir,
    REDSWARM_UDP_LISTEN: `127.0.0.1:${udp}`,
    REDSWARM_HTTP_LISTEN: `127.0.0.1:${http}`,
    REDSWARM_API_LISTEN: `127.0.0.1:${api}`,
  },
})
const ended = once(tracker, 'exit')
try {
  const startMs = performance.now()
  await served()
  console.log(`serving after ${((performance.now() - startMs) / 1000).toFixed(1)} s`)
  const client = await UdpClient.open(udp)
  await client.connect()
  const byUdp = await client.announce({ left: 0n, port: 7001 })
  client.close()
  assert.deepEqual([byUdp.seeders, byUdp.leechers], [1, 0])
  const query = `info_hash=%a0${'%00'.repeat(19)}&peer_id=-RS0001-abcdefghijkl&port=7002&left=5`
  const answer = await fetch(`http://127.0.0.1:${http}/announce?${query}`)
  const byHttp = bencode.decode(Buffer.from(await answer.arrayBuffer())) as Record<string, unknown>
  assert.deepEqual([byHttp.complete, byHttp.incomplete], [1, 1])
  assert.equal(Buffer.from(byHttp.peers as Uint8Array).toString('hex'), '7f0000011b59')
} finally {
  tracker.kill('SIGTERM')
  const [code] = (await ended) as [number | null]
  await rm(dataDir, { recursive: true, force: true })
  assert.equal(code, 0, 'the exit code after SIGTERM')
}
console.log('announced by UDP and HTTP, stopped with exit code 0')

async function served(): Promise<void> {
  const deadlineMs = performance.now() + SERVE_MS_MAX
  while (true) {
    const answer = await fetch(`http://127.0.0.1:${http}/health_check`).catch(() => undefined)
    if (answer?.status === 200) return
    if (performance.now() > deadlineMs || tracker.exitCode !== null) throw new Error('the tracker does not serve')
    await sleep(50)
  }
}
