// Starts the tracker as its users do, by npm start, npx and npm run; announces to each; ends each with SIGTERM and
// expects exit code 0.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import bencode from 'bencode'
import { freePort } from './support/free-port.ts'
import { UdpClient } from './support/udp-client.ts'

/** With its dependencies in place, on a fresh data folder: 1 s on a quiet machine of 2 cores. */
const SERVE_MS_MAX = 5000
/** Under npx and `npm run`, with what npm needs to come up. */
const NPM_SERVE_MS_MAX = 10_000
const END_MS_MAX = 10_000

const dataDir = await mkdtemp(join(tmpdir(), 'redswarm-smoke-'))
const socket = join(dataDir, 'redis.sock')
const running = new Set<ChildProcess>()
process.on('exit', () => signalGroups('SIGTERM'))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

try {
  await smokeOfAll()
} finally {
  signalGroups('SIGKILL')
  await endRedis()
  await rm(dataDir, { recursive: true, force: true })
}

async function smokeOfAll(): Promise<void> {
  const [udp, http, api, health] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const startMs = performance.now()
  const tracker = run(['npm', 'start'], {
    REDSWARM_UDP_LISTEN: `127.0.0.1:${udp}`,
    REDSWARM_HTTP_LISTEN: `127.0.0.1:${http}`,
    REDSWARM_API_LISTEN: `127.0.0.1:${api}`,
    REDSWARM_HEALTH_LISTEN: `127.0.0.1:${health}`,
  })
  // The HTTP tracker's own check answers before the UDP tracker listens, and a datagram is lost without a word.
  const isHealthy = async () => (await fetch(`http://127.0.0.1:${health}/health_check`)).status === 200
  await untilServing(tracker, SERVE_MS_MAX, isHealthy)
  console.log(`npm start: serving after ${((performance.now() - startMs) / 1000).toFixed(2)} s`)
  assert.deepEqual(await announceByUdp(udp, 7001, 0n), [1, 0])
  const query = `info_hash=%a0${'%00'.repeat(19)}&peer_id=-RS0001-abcdefghijkl&port=7002&left=5`
  const answer = await fetch(`http://127.0.0.1:${http}/announce?${query}`)
  const byHttp = bencode.decode(Buffer.from(await answer.arrayBuffer())) as Record<string, unknown>
  assert.deepEqual([byHttp.complete, byHttp.incomplete], [1, 1])
  assert.equal(Buffer.from(byHttp.peers as Uint8Array).toString('hex'), '7f0000011b59')
  // npx runs the program under a shell and forwards it nothing: the signal is for the program itself.
  await smokeOfUdp(['npx', 'redswarm', 'udp'], 7003, [1, 2], lastOfFamily)
  await smokeOfUdp(['npm', 'run', 'redswarm', '--', 'udp'], 7004, [1, 3], ({ pid }) => Number(pid))
  await end(tracker, 'npm start', Number(tracker.pid))
}

/** One more UDP frontend on the tracker's Redis: who announces to it is counted with those of the others. */
async function smokeOfUdp(
  words: string[],
  peerPort: number,
  counts: number[],
  pidOf: (program: ChildProcess) => number,
): Promise<void> {
  const port = await freePort()
  const program = run(words, { REDSWARM_REDIS_URL: `unix://${socket}`, REDSWARM_UDP_LISTEN: `127.0.0.1:${port}` })
  await untilServing(program, NPM_SERVE_MS_MAX, async () => (await announceByUdp(port, peerPort, 5n)).length > 0)
  assert.deepEqual(await announceByUdp(port, peerPort, 5n), counts)
  await end(program, words.join(' '), pidOf(program))
}

/** Starts a command in a process group of its own. */
function run([command = '', ...args]: string[], settings: Record<string, string>): ChildProcess {
  const env = { ...process.env, REDSWARM_DATA_DIR: dataDir, ...settings }
  const program = spawn(command, args, { stdio: 'inherit', detached: true, env })
  running.add(program)
  return program
}

async function untilServing(program: ChildProcess, msMax: number, isServing: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + msMax
  while (!(await isServing().catch(() => false))) {
    if (program.exitCode !== null) throw new Error(`${program.spawnargs.join(' ')} ended by itself`)
    if (performance.now() > deadlineMs) throw new Error(`${program.spawnargs.join(' ')} did not serve in ${msMax} ms`)
    await sleep(20)
  }
}

async function announceByUdp(trackerPort: number, port: number, left: bigint): Promise<number[]> {
  const client = await UdpClient.open(trackerPort)
  try {
    await client.connect()
    const { seeders, leechers } = await client.announce({ left, port })
    return [seeders, leechers]
  } finally {
    client.close()
  }
}

/** Ends a program by SIGTERM to one of its processes; expects exit code 0 of the whole. */
async function end(program: ChildProcess, name: string, pid: number): Promise<void> {
  const ended = once(program, 'exit', { signal: AbortSignal.timeout(END_MS_MAX) })
  process.kill(pid, 'SIGTERM')
  const [code] = (await ended) as [number | null]
  assert.equal(code, 0, `the exit code of ${name} after SIGTERM`)
  running.delete(program)
  console.log(`${name}: announced to, stopped with exit code 0`)
}

/** The youngest of a process, its children and theirs. */
function lastOfFamily({ pid }: ChildProcess): number {
  const processes = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  const childOf = new Map(Array.from(processes.matchAll(/(\d+) +(\d+)/g), ([, child, parent]) => [parent, child]))
  let last = String(pid)
  for (let next = childOf.get(last); next !== undefined; next = childOf.get(last)) last = next
  return Number(last)
}

function signalGroups(signal: NodeJS.Signals): void {
  for (const { pid } of running) {
    try {
      process.kill(-Number(pid), signal)
    } catch {
      // It has ended.
    }
  }
}

/** The private Redis is in a group of its own: where the tracker was killed, it still runs. */
async function endRedis(): Promise<void> {
  const connection = connect(socket, () => connection.write('SHUTDOWN NOSAVE\r\n'))
  connection.on('error', () => {}).resume()
  await new Promise((resolve) => connection.once('close', resolve))
}
