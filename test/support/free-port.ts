import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Ports below those that Linux (32768 on) and macOS (49152 on) give to connections and to whoever listens on port 0: a port
 * found here stays free until its finder binds it. Drawn at random, so that two that look at once find two.
 */
const PORT_MIN = 10_000
const PORT_END = 32_768
const TRIES_MAX = 100
/** A port that was drawn is its drawer's for so long: a tracker binds it a few seconds later, and others draw meanwhile. */
const KEPT_MS = 60_000
/** A file for each port that was drawn, by whichever process; those of a process go with it. */
const DRAWN = join(tmpdir(), 'redswarm-test-port-')

/** A port that is free at this address, for TCP and for UDP. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = randomInt(PORT_MIN, PORT_END)
    if (draw(port) && (await isFreeOnTcp(address, port)) && (await isFreeOnUdp(address, port))) return port
  }
  throw new Error(`no free port at ${address}: ${TRIES_MAX} between ${PORT_MIN} and ${PORT_END - 1} are all in use`)
}

const own: string[] = []
process.once('exit', () => {
  for (const file of own) rmSync(file, { force: true })
})

/** Whether nobody has drawn the port of late; it is drawn then. */
function draw(port: number): boolean {
  const file = `${DRAWN}${port}`
  try {
    writeFileSync(file, '', { flag: 'wx' })
    own.push(file)
    return true
  } catch {
    // Those of a process that was killed stay: they are taken over. One that goes meanwhile is not.
    const drawnMs = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (Date.now() - drawnMs < KEPT_MS) return false
    writeFileSync(file, '')
    return true
  }
}

async function isFreeOnTcp(address: string, port: number): Promise<boolean> {
  const server = createServer()
  const listening = once(server, 'listening')
  server.listen(port, address)
  try {
    await listening
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

async function isFreeOnUdp(address: string, port: number): Promise<boolean> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  const listening = once(socket, 'listening')
  socket.bind(port, address)
  try {
    await listening
  } catch {
    return false
  }
  socket.close()
  await once(socket, 'close')
  return true
}
