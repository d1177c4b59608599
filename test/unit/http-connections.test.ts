import { spawnSync } from 'node:child_process'
import { Socket } from 'node:net'
import fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { makeCounters } from '../../lib/observe/counters.ts'
import { parseNetworks } from '../../lib/wire/network.ts'
import { makeNetworkCheck } from '../../lib/wire/network-table.ts'
import { makeConnections } from '../../services/http/connections.ts'
import { connectionsThatFit } from '../../services/http/open-files.ts'

/** A socket that is connected to nobody, from an address. */
const socketFrom = (address: string): Socket => Object.defineProperty(new Socket(), 'remoteAddress', { value: address })

/** Connections of which three may be open of an address, with what was told of them. */
function makeLimited(connectionsMax: number, perAddressMax = 3) {
  const lines: { closed: number }[] = []
  const counters = makeCounters()
  const clock = { nowMs: 1_000_000 }
  const connections = makeConnections({
    ...{ connectionsMax, perAddressMax, counters },
    isExempt: makeNetworkCheck(parseNetworks('10.0.0.0/8') ?? []),
    nowMs: () => clock.nowMs,
    log: pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  })
  return { ...connections, counters, clock, lines }
}

describe('the connections of an HTTP server', () => {
  it.each<[string, string[], boolean[]]>([
    ['one address', ['192.0.2.1', '192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1'], [true, false, false, false]],
    [
      'a /64 of IPv6',
      ['2001:db8::1', '2001:db8::2', '2001:db8:0:0:ffff::3', '2001:db8::4'],
      [true, false, false, false],
    ],
    ['several', ['192.0.2.1', '192.0.2.1', '192.0.2.2', '2001:db8:0:1::', '2001:db8:0:2::'], Array(5).fill(false)],
    ['an exempt one', ['10.1.2.3', '10.1.2.3', '10.1.2.3', '10.1.2.3'], Array(4).fill(false)],
  ])('are limited by the address that they come from: %s', (_name, addresses, isClosed) => {
    const { admit } = makeLimited(100)
    const sockets = addresses.map(socketFrom)
    for (const socket of sockets) expect(admit(socket)).toBe(true)
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual(isClosed)
  })

  it('are closed in the order in which they fell idle, and not while a request is in work', () => {
    const { admit, begin, end, open, counters } = makeLimited(3, 100)
    const sockets = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(socketFrom)
    const [a, b, c] = sockets as [Socket, Socket, Socket]
    for (const socket of sockets) admit(socket)
    const [first, second] = [begin(a), begin(a)]
    end(first)
    const [d, e, f] = [socketFrom('192.0.2.4'), socketFrom('192.0.2.5'), socketFrom('192.0.2.6')]
    const closed = () => [a, b, c, d, e, f].map(({ destroyed }) => destroyed)
    admit(d)
    expect(closed()).toEqual([false, true, false, false, false, false])
    begin(c)
    admit(e)
    expect(closed()).toEqual([false, true, false, true, false, false])
    begin(e)
    expect(admit(f)).toBe(false)
    expect(closed()).toEqual([false, true, false, true, false, false])
    end(second)
    expect(admit(f)).toBe(true)
    expect(closed()).toEqual([true, true, false, true, false, false])
    expect([open(), counters.http_connections_closed]).toEqual([3, 4])
  })

  it('that have gone leave their places to others of their address', async () => {
    const { admit } = makeLimited(100)
    const open = () => {
      const sockets = Array(3).fill('192.0.2.1').map(socketFrom)
      for (const socket of sockets) admit(socket)
      return sockets
    }
    const [kept, ...gone] = open()
    for (const socket of gone) socket.destroy()
    await new Promise(setImmediate)
    for (const _ of gone) admit(socketFrom('192.0.2.1'))
    expect(kept?.destroyed).toBe(false)
  })

  it('that have gone while a request was in work are none that could make room', async () => {
    const { admit, begin, end, open } = makeLimited(2, 100)
    const gone = socketFrom('192.0.2.1')
    admit(gone)
    const connection = begin(gone)
    gone.destroy()
    await new Promise(setImmediate)
    end(connection)
    const sockets = ['192.0.2.2', '192.0.2.3', '192.0.2.4'].map(socketFrom)
    for (const socket of sockets) expect(admit(socket)).toBe(true)
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false, false])
    expect(open()).toBe(2)
  })

  it('are as many as are open and never more than may be, whatever comes and goes', async () => {
    const step = fc.record({
      what: fc.constantFrom('open', 'begin', 'end', 'close'),
      which: fc.nat(20),
      from: fc.nat(4),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
        const { admit, begin, end, open } = makeLimited(8)
        const all: { socket: Socket; from: number; inWork: ReturnType<typeof begin>[] }[] = []
        const living = () => all.filter(({ socket }) => !socket.destroyed)
        for (const { what, which, from } of steps) {
          const chosen = all[which % Math.max(1, all.length)]
          if (what === 'open') {
            const socket = socketFrom(`192.0.2.${from}`)
            const others = living()
            const isFull = others.length === 8 || others.filter((other) => other.from === from).length === 3
            if (admit(socket)) all.push({ socket, from, inWork: [] })
            // It may be refused only where none of those in its way is idle.
            else expect(isFull && others.some(({ inWork }) => inWork.length > 0)).toBe(true)
          } else if (what === 'begin' && chosen) chosen.inWork.push(begin(chosen.socket))
          else if (what === 'end' && chosen && chosen.inWork.length > 0) end(chosen.inWork.pop())
          else if (what === 'close') chosen?.socket.destroy()
          if (what === 'close') await new Promise(setImmediate)
          expect(open()).toBe(living().length)
          expect(open()).toBeLessThanOrEqual(8)
          for (let address = 0; address < 5; address++)
            expect(living().filter((each) => each.from === address).length).toBeLessThanOrEqual(3)
        }
        for (const { socket } of all) socket.destroy()
        await new Promise(setImmediate)
        expect(open()).toBe(0)
      }),
      { numRuns: 200 },
    )
  })

  it('are told of once a minute at most, with how many were closed since', () => {
    const { admit, clock, lines } = makeLimited(100, 1)
    for (let i = 0; i < 10; i++) admit(socketFrom('192.0.2.1'))
    clock.nowMs += 59_999
    admit(socketFrom('192.0.2.1'))
    expect(lines).toHaveLength(1)
    clock.nowMs += 1
    admit(socketFrom('192.0.2.2'))
    admit(socketFrom('192.0.2.1'))
    expect(lines.map(({ closed }) => closed)).toEqual([1, 10])
    expect(lines[1]).toMatchObject({ address: '192.0.2.1', limit: 'REDSWARM_HTTP_CONNECTIONS_PER_ADDRESS' })
  })
})

describe('the files that a process may have open', () => {
  it('leave room for all that is no connection, which is told', () => {
    const lines: string[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
    expect([undefined, 65_536, 20_256].map((files) => connectionsThatFit(20_000, files, log))).toEqual(
      Array(3).fill(20_000),
    )
    expect(lines).toEqual([])
    expect([20_255, 1024, 100].map((files) => connectionsThatFit(20_000, files, log))).toEqual([19_999, 768, 50])
    expect(lines).toHaveLength(3)
    expect(JSON.parse(lines[1] as string)).toMatchObject({ connections: 768, files: 1024, set: 20_000 })
  })

  it.runIf(process.platform === 'linux')('are as many as the system says', () => {
    const program = `import('./services/http/open-files.ts').then(({ openFilesMax }) => console.log(openFilesMax()))`
    const { stdout } = spawnSync('sh', ['-c', `ulimit -n 400 && exec "$0" -e "$1"`, process.execPath, program])
    expect(String(stdout).trim()).toBe('400')
  })
})
