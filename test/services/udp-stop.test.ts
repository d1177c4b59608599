import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { loadLibc } from '../../lib/udp/linux/libc.ts'
import { makeLinuxSockets } from '../../lib/udp/linux/linux-socket.ts'
import { makeReactor } from '../../lib/udp/linux/reactor.ts'
import type { Datagram, UdpSocket } from '../../lib/udp/socket.ts'
import { until } from '../support/redis.ts'

const libc = loadLibc()
const CLIENTS = 40
type Client = { socket: Socket; heard: string[] }

async function clientsOf(address: string, port: number): Promise<Client[]> {
  return Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
      const heard: string[] = []
      socket.on('message', (message) => heard.push(message.toString()))
      socket.connect(port, address)
      await once(socket, 'connect')
      onTestFinished(() => void socket.close())
      return { socket, heard }
    }),
  )
}

describe.runIf(libc)('a UDP socket that stops beside another at its port', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['::1', '::1'],
    ['::', '::1'],
  ])('%s: answers what has come, and leaves all that comes to the other', async (listen, asked) => {
    if (!libc) return
    const open = makeLinuxSockets(libc, makeReactor(libc))
    let isFull = true
    const held: Datagram[] = []
    const hold = (batch: Datagram[]) => void held.push(...batch)
    const answer = (batch: Datagram[], socket: UdpSocket) =>
      void socket.send(batch.map((datagram) => ({ ...datagram, payload: Buffer.from('by the other') })))
    const stopping = await open({ address: listen, port: 0 }, hold, { sharesPort: true, isFull: () => isFull })
    const other = await open(stopping.listen, answer, { sharesPort: true })
    onTestFinished(async () => void (await Promise.all([stopping.close(), other.close()])))
    const clients = await clientsOf(asked, stopping.listen.port)
    const send = () => clients.map(({ socket }) => socket.send('?'))
    send()
    await until('the other to answer its part', () => clients.some(({ heard }) => heard.length === 1))
    await sleep(100)
    const waiting = clients.filter(({ heard }) => heard.length === 0)
    expect(waiting.length).toBeGreaterThan(0)
    isFull = false
    stopping.pause()
    expect(held).toHaveLength(waiting.length)
    send()
    await until('all to be answered by the other', () => clients.every(({ heard }) => heard.includes('by the other')))
    expect(stopping.send(held.map((datagram) => ({ ...datagram, payload: Buffer.from('late') })))).toBe(0)
    await until('those who waited to be answered', () => waiting.every(({ heard }) => heard.includes('late')))
  })
})
