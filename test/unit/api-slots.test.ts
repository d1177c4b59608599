import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { setInterval } from 'node:timers'
import { expect, it } from 'vitest'
import { dropWhenStuck, makeSlots } from '../../services/api/v2/slots.ts'

it('slots are as many as there are, and each is given back once', () => {
  const slots = makeSlots(2)
  const giveBack = slots.take()
  expect([slots.take() === undefined, slots.take()]).toEqual([false, undefined])
  giveBack?.()
  giveBack?.()
  expect([slots.take() === undefined, slots.take()]).toEqual([false, undefined])
})

it.each([false, true])(
  'a client that takes nothing is disconnected, one that reads is not (it reads: %s)',
  async (reads) => {
    const server = createServer((_, response) => {
      dropWhenStuck(response, 300)
      // More than the system's buffers have room for; then a little now and again, as heartbeats are.
      response.write(Buffer.alloc(16_000_000))
      const timer = setInterval(() => response.write('x'), 50)
      response.once('close', () => clearInterval(timer))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const dropped = new Promise<boolean>((resolve) => {
      server.once('request', (_, response) => response.once('close', () => resolve(true)))
      setTimeout(() => resolve(false), 1500)
    })
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.on('error', () => {})
    client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    if (reads) client.resume()
    else client.pause()
    expect(await dropped).toBe(!reads)
    client.destroy()
    server.close()
  },
)
