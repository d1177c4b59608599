import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { openDgramSocket } from '../../lib/udp/dgram-socket.ts'
import { loadLibc } from '../../lib/udp/linux/libc.ts'
import { makeLinuxSockets } from '../../lib/udp/linux/linux-socket.ts'
import { makeReactor } from '../../lib/udp/linux/reactor.ts'
import {
  BATCH_MAX,
  type Datagram,
  type OpenUdpSocket,
  PAYLOAD_BYTES_MAX,
  type UdpSocket,
} from '../../lib/udp/socket.ts'
import { addressText, portOf } from '../../lib/wire/endpoint.ts'
import { until } from '../support/redis.ts'

const libc = loadLibc()
const implementations: [string, OpenUdpSocket][] = [['node:dgram', openDgramSocket]]
if (libc) implementations.push(['recvmmsg and sendmmsg', makeLinuxSockets(libc, makeReactor(libc))])

/** Sends every datagram back to where it came from. */
const echo = (batch: Datagram[], socket: UdpSocket): void => void socket.send(batch)

/** A client that only hears the address that it asks. */
async function ask(
  address: string,
  port: number,
  payloads: Buffer[],
  waitMs = 2000,
  expected = payloads.length,
): Promise<Buffer[]> {
  const client = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  try {
    client.connect(port, address)
    await once(client, 'connect')
    const heard: Buffer[] = []
    client.on('message', (message) => heard.push(message))
    client.on('error', () => {})
    for (const payload of payloads) client.send(payload)
    const deadlineMs = performance.now() + waitMs
    while (heard.length < expected && performance.now() < deadlineMs) await sleep(5)
    return heard
  } finally {
    client.close()
  }
}

async function withSocket(
  open: OpenUdpSocket,
  address: string,
  onBatch: (batch: Datagram[], socket: UdpSocket) => void,
  test: (socket: UdpSocket) => Promise<void>,
): Promise<void> {
  const socket = await open({ address, port: 0 }, onBatch)
  try {
    await test(socket)
  } finally {
    await socket.close()
  }
}

describe.each(implementations)('a UDP socket by %s', (name, open) => {
  it('gives each datagram with its source, and sends replies back', () =>
    withSocket(
      open,
      '127.0.0.1',
      (batch, socket) => {
        for (const { source } of batch) expect(addressText(source)).toBe('127.0.0.1')
        socket.send(batch.map((datagram) => ({ ...datagram, payload: Buffer.from(`port ${portOf(datagram.source)}`) })))
      },
      async ({ listen }) => {
        const [heard] = await ask('127.0.0.1', listen.port, [Buffer.from('x')])
        expect(heard?.toString()).toMatch(/^port \d+$/)
      },
    ))

  it('keeps datagrams of every size as they are, empty and 2,000 bytes long among them', () =>
    withSocket(open, '127.0.0.1', echo, async ({ listen }) => {
      const payloads = [0, 1, 16, 98, 1400, 2000].map((bytes) => Buffer.alloc(bytes, bytes % 251))
      const heard = await ask('127.0.0.1', listen.port, payloads)
      expect(heard.map((payload) => payload.toString('hex')).sort()).toEqual(
        payloads.map((payload) => payload.toString('hex')).sort(),
      )
    }))

  it('answers from the address that was asked, on a wildcard address of a host with several', () =>
    withSocket(open, '0.0.0.0', echo, async ({ listen }) => {
      const own = Object.values(networkInterfaces())
        .flatMap((addresses) => addresses ?? [])
        .filter(({ family }) => family === 'IPv4')
        .map(({ address }) => address)
      // Every 127.x.y.z is this host's, but only one system tells us so by its list of addresses.
      const asked = name === 'node:dgram' ? own : [...own, '127.0.0.5']
      expect(asked.length).toBeGreaterThan(0)
      for (const address of asked) expect(await ask(address, listen.port, [Buffer.from(address)])).toHaveLength(1)
    }))

  it('answers over IPv6', () =>
    withSocket(open, '::', echo, async ({ listen }) => {
      const heard = await ask('::1', listen.port, [Buffer.from('six')])
      expect(heard.map(String)).toEqual(['six'])
    }))

  it('leaves IPv4 of the same port to another socket', async () => {
    const six = await open({ address: '::', port: 0 }, echo)
    const four = await open({ address: '0.0.0.0', port: six.listen.port }, echo)
    expect(await ask('127.0.0.1', four.listen.port, [Buffer.from('4')])).toHaveLength(1)
    await Promise.all([six.close(), four.close()])
  })

  it('sends the other replies of a batch where one cannot be sent', () =>
    withSocket(
      open,
      '127.0.0.1',
      (batch, socket) => {
        const [first] = batch as [Datagram]
        const nowhere = Buffer.from(first.source)
        nowhere.writeUInt16BE(0, 4)
        const unsendable = { ...first, source: nowhere as Datagram['source'] }
        socket.send([unsendable, first, unsendable, { ...first, payload: Buffer.from('b') }])
      },
      async ({ listen }) => {
        const heard = await ask('127.0.0.1', listen.port, [Buffer.from('a')], 2000, 2)
        expect(heard.map(String)).toEqual(['a', 'b'])
      },
    ))

  it(`gives at most ${BATCH_MAX} datagrams at a time, and loses none of a burst`, async () => {
    const sizes: number[] = []
    await withSocket(
      open,
      '127.0.0.1',
      (batch, socket) => {
        sizes.push(batch.length)
        echo(batch, socket)
      },
      async ({ listen }) => {
        const payloads = Array.from({ length: 150 }, (_, i) => Buffer.from(`datagram ${i}`))
        const heard = await ask('127.0.0.1', listen.port, payloads)
        expect(new Set(heard.map(String)).size).toBe(150)
      },
    )
    expect(Math.max(...sizes)).toBeLessThanOrEqual(BATCH_MAX)
  })

  it('takes nothing in once it is paused, and can still send', async () => {
    let kept: Datagram | undefined
    await withSocket(
      open,
      '127.0.0.1',
      (batch) => {
        kept = { ...(batch[0] as Datagram), payload: Buffer.from('late') }
      },
      async (socket) => {
        const asking = ask('127.0.0.1', socket.listen.port, [Buffer.from('first')])
        await until('the datagram to come in', () => kept !== undefined)
        socket.pause()
        expect(await ask('127.0.0.1', socket.listen.port, [Buffer.from('second')], 200)).toEqual([])
        socket.send([kept as Datagram])
        expect((await asking).map(String)).toEqual(['late'])
      },
    )
  })

  it('sends nothing once it is closed, and says so', async () => {
    let kept: Datagram | undefined
    const first = await open({ address: '127.0.0.1', port: 0 }, ([datagram]) => {
      kept = datagram
    })
    const asking = ask('127.0.0.1', first.listen.port, [Buffer.from('first')], 500)
    await until('the datagram to come in', () => kept !== undefined)
    await first.close()
    // It gets the number of the descriptor that was just closed, and must not get the reply.
    const second = await open(first.listen, echo)
    expect(first.send([kept as Datagram, kept as Datagram])).toBe(2)
    await first.close()
    expect(await asking).toEqual([])
    expect(await ask('127.0.0.1', second.listen.port, [Buffer.from('second')])).toHaveLength(1)
    await second.close()
  })

  it('does not send a reply that is longer than any may be, and sends those around it whole', async () => {
    const unsent: number[] = []
    await withSocket(
      open,
      '127.0.0.1',
      (batch, socket) => {
        const reply = (bytes: number, fill: string) => ({
          ...(batch[0] as Datagram),
          payload: Buffer.alloc(bytes, fill),
        })
        unsent.push(socket.send([reply(10, 'a'), reply(PAYLOAD_BYTES_MAX + 10, 'x'), reply(PAYLOAD_BYTES_MAX, 'b')]))
      },
      async ({ listen }) => {
        const heard = await ask('127.0.0.1', listen.port, [Buffer.from('?')], 2000, 2)
        expect(heard.map(String)).toEqual(['a'.repeat(10), 'b'.repeat(PAYLOAD_BYTES_MAX)])
        expect(unsent).toEqual([1])
      },
    )
  })

  it('takes an IPv4-mapped address for the IPv4 address that it is', () =>
    withSocket(open, '::ffff:127.0.0.1', echo, async ({ listen }) => {
      expect(listen.address).toBe('127.0.0.1')
      expect(await ask('127.0.0.1', listen.port, [Buffer.from('4')])).toHaveLength(1)
    }))

  it('says by its code why an address cannot be had', async () => {
    const first = await open({ address: '127.0.0.1', port: 0 }, echo)
    await expect(open(first.listen, echo)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(open({ address: '203.0.113.1', port: 0 }, echo)).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
    await first.close()
  })

  it.runIf(process.platform === 'linux')(
    'shares its port, and the clients, with those that share it only',
    async () => {
      const heard = [0, 0]
      const count = (i: number) => (batch: Datagram[], socket: UdpSocket) => {
        heard[i] = (heard[i] as number) + batch.length
        echo(batch, socket)
      }
      const first = await open({ address: '127.0.0.1', port: 0 }, count(0), { sharesPort: true })
      const second = await open(first.listen, count(1), { sharesPort: true })
      await expect(open(first.listen, echo)).rejects.toMatchObject({ code: 'EADDRINUSE' })
      for (let asked = 0; asked < 30; asked++)
        expect(await ask('127.0.0.1', first.listen.port, [Buffer.from('?')])).toHaveLength(1)
      expect(heard.every((some) => some > 0)).toBe(true)
      await Promise.all([first.close(), second.close()])
    },
  )

  it.runIf(name !== 'node:dgram')(
    'leaves what cannot be taken in to the system, and tells what that dropped',
    async () => {
      const sent = 8000
      let [isFull, heard, dropped] = [true, 0, 0]
      const count = (batch: Datagram[]): void => {
        heard += batch.length
      }
      const socket = await open({ address: '127.0.0.1', port: 0 }, count, { isFull: () => isFull })
      const client = createSocket('udp4')
      client.connect(socket.listen.port, '127.0.0.1')
      await once(client, 'connect')
      const all = Array.from({ length: sent }, () => new Promise((done) => client.send(Buffer.alloc(1000), done)))
      await Promise.all(all)
      await until('the system to drop some', () => {
        dropped += socket.takeDrops()
        return dropped > 0
      })
      await sleep(20)
      expect(heard).toBe(0)
      isFull = false
      await until('all others to be taken in', () => heard + dropped === sent)
      expect(heard).toBeGreaterThan(0)
      expect(socket.takeDrops()).toBe(0)
      client.close()
      await socket.close()
    },
  )

  it('can be opened again at the same port after it was closed', async () => {
    const first = await open({ address: '127.0.0.1', port: 0 }, echo)
    await first.close()
    const second = await open(first.listen, echo)
    expect(await ask('127.0.0.1', second.listen.port, [Buffer.from('again')])).toHaveLength(1)
    await second.close()
  })
})

it('loses only the replies of a local address that is gone, by node:dgram', async () => {
  const kept: Datagram[] = []
  const keep = (batch: Datagram[]): void => void kept.push(...batch)
  const gone = await openDgramSocket({ address: '127.0.0.1', port: 0 }, keep)
  const asking = ask('127.0.0.1', gone.listen.port, [Buffer.from('lost')], 300)
  await until('the first datagram', () => kept.length === 1)
  await gone.close()
  await withSocket(openDgramSocket, '127.0.0.1', keep, async (socket) => {
    const other = ask('127.0.0.1', socket.listen.port, [Buffer.from('served')])
    await until('the second datagram', () => kept.length === 2)
    expect(socket.send(kept)).toBe(1)
    expect((await other).map(String)).toEqual(['served'])
  })
  expect(await asking).toEqual([])
})
