import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { writeAnnounceReply, writeConnectReply, writeErrorReply, writeScrapeReply } from '../../lib/wire/udp-reply.ts'
import { ACTION } from '../../lib/wire/udp-request.ts'
import { runCli } from '../support/cli.ts'
import { hashOf } from '../support/store.ts'

const HASH = hashOf('a').toString('hex')
const ESCAPE = '\x1b]0;title\x07\x9b31m'

/** Runs a test with a UDP peer that answers whatever `answer` makes of a request. */
async function withUdp(
  answer: (request: Buffer, transactionId: number, nth: number) => Buffer | undefined,
  test: (url: string) => Promise<void>,
): Promise<void> {
  const socket = createSocket('udp4')
  let nth = 0
  socket.on('message', (request, { port, address }) => {
    const reply = answer(request, request.readUInt32BE(12), nth++)
    if (reply) socket.send(reply, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  try {
    await test(`udp://127.0.0.1:${socket.address().port}`)
  } finally {
    socket.close()
  }
}

const isConnect = (request: Buffer): boolean => request.readUInt32BE(8) === ACTION.connect
const connected = (transactionId: number): Buffer => writeConnectReply(transactionId, Buffer.alloc(8, 7))

async function withHttp(listener: RequestListener, test: (origin: string) => Promise<void>): Promise<void> {
  const web = createServer(listener)
  web.listen(0, '127.0.0.1')
  await once(web, 'listening')
  try {
    await test(`http://127.0.0.1:${(web.address() as AddressInfo).port}`)
  } finally {
    web.closeAllConnections()
    web.close()
  }
}

/** What a command says of a tracker, which may be none that it should have: exit code 1, and nothing raw. */
async function complaintOf(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(args)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^[\x20-\x7e\n]*$/)
  expect(stderr).not.toMatch(/ {4}at /)
  return stderr
}

const announce = (url: string, ...more: string[]) => complaintOf('announce', url, HASH, ...more)

describe('a UDP tracker that answers', () => {
  it('nothing is told of, after the time that was given', () =>
    withUdp(
      () => undefined,
      async (url) => expect(await announce(url, '--timeout', '0.3')).toContain('no answer in time'),
    ))

  it('only at the second time is asked again', () =>
    withUdp(
      (request, id, nth) => {
        if (nth === 0) return undefined
        if (isConnect(request)) return connected(id)
        return writeAnnounceReply(id, {
          intervalS: 60,
          leechers: 1,
          seeders: 2,
          peers: Buffer.from('7f0000011b59', 'hex'),
        })
      },
      async (url) => {
        const { code, stdout } = await runCli(['announce', url, HASH, '--json'])
        expect(code).toBe(0)
        expect(JSON.parse(stdout)).toMatchObject({ seeders: 2, peers: [{ address: '127.0.0.1', port: 7001 }] })
      },
    ))

  const bad: [what: string, says: string, answer: (transactionId: number) => Buffer][] = [
    ['with another transaction id', 'another transaction id', (id) => connected((id ^ 1) >>> 0)],
    ['five bytes', 'only an answer of 5 bytes came', () => Buffer.alloc(5)],
    ['a connect that is cut off', 'an answer of 12 bytes is cut off', (id) => connected(id).subarray(0, 12)],
    ['another action', 'the answer has action 2, not 0', (id) => writeScrapeReply(id, [])],
    ['an error with control characters', 'refuses: no?]0;title?', (id) => writeErrorReply(id, `no${ESCAPE}`)],
  ]
  it.concurrent.each(bad)('%s is told of', (_, says, answer) =>
    withUdp(
      (_request, id) => answer(id),
      async (url) => expect(await announce(url, '--timeout', '2')).toContain(says),
    ),
  )

  it('half a peer, or too few counts, is told of', () =>
    withUdp(
      (request, id) => {
        if (isConnect(request)) return connected(id)
        if (request.readUInt32BE(8) === ACTION.scrape) return writeScrapeReply(id, [])
        return writeAnnounceReply(id, { intervalS: 60, leechers: 1, seeders: 2, peers: Buffer.alloc(9) })
      },
      async (url) => {
        expect(await announce(url)).toContain('do not fill whole endpoints')
        expect(await complaintOf('scrape', url, HASH)).toContain('counts of 0 torrents, of 1 asked for')
      },
    ))
})

describe('an HTTP tracker that answers', () => {
  const bad: [path: string, says: string, answer: RequestListener][] = [
    ['html', 'no bencoded dictionary', (_, reply) => reply.end('<html>')],
    ['cut', 'or is cut off', (_, reply) => reply.end('d8:intervali60e5:peers12:abc')],
    ['more', 'or is cut off', (_, reply) => reply.end('d8:intervali60e5:peers0:ee')],
    ['half', 'do not fill whole endpoints', (_, reply) => reply.end('d8:intervali60e5:peers5:abcdee')],
    ['peers', 'neither bytes nor a list', (_, reply) => reply.end('d8:intervali60e5:peersld2:ip1:aeee')],
    ['empty', 'no interval above 0', (_, reply) => reply.end('de')],
    [
      'refusal',
      'refuses: not here?]0;title?',
      (_, reply) => reply.end(`d14:failure reason${8 + ESCAPE.length + 1}:not here${ESCAPE}e`),
    ],
    ['500', 'HTTP 500 Internal Server Error', (_, reply) => reply.writeHead(500).end('oops')],
    ['403', 'refuses: go away', (_, reply) => reply.writeHead(403).end('d14:failure reason7:go awaye')],
    [
      'moved',
      'HTTP 302 Found to http://other/announce: ask there',
      (_, reply) => reply.writeHead(302, { location: 'http://other/announce' }).end(),
    ],
    ['huge', 'longer than 2 MB', (_, reply) => reply.end(Buffer.alloc(3 << 20, 'x'))],
    [
      'bomb',
      'longer than 2 MB',
      (_, reply) => reply.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(3 << 20))),
    ],
    [
      'nogzip',
      'says that it is gzip, and is not',
      (_, reply) => reply.writeHead(200, { 'content-encoding': 'gzip' }).end('de'),
    ],
    ['gone', 'closed before the answer was whole', (request) => request.socket.destroy()],
    ['slow', 'no whole answer in time', (_, reply) => void reply.write('d')],
  ]
  const listener: RequestListener = (request, reply) => {
    bad.find(([path]) => request.url?.startsWith(`/${path}/`))?.[2](request, reply)
  }

  it('what is none, or wrong, gets an error that says so', () =>
    withHttp(listener, async (origin) => {
      const told = await Promise.all(
        bad.map(([path]) => announce(`${origin}/${path}/announce`, '--timeout', path === 'slow' ? '0.5' : '10')),
      )
      for (const [i, [path, says]] of bad.entries())
        expect({ path, told: told[i] }).toMatchObject({ told: expect.stringContaining(says) })
    }))

  it('with a dictionary of names is read, and printed as ASCII', () =>
    withHttp(
      (_, reply) => reply.end(Buffer.from('d8:intervali60e5:peersld2:ip4:h\x1bt\x9b4:porti80eeee', 'latin1')),
      async (origin) => {
        const { code, stdout } = await runCli(['announce', `${origin}/announce`, HASH])
        expect(code).toBe(0)
        expect(stdout).toMatch(/^[\x20-\x7e\n]*$/)
        expect(stdout).toMatch(/\n {2}h\?t\?+ {2,}80\n/)
      },
    ))

  it('in gzip is unpacked', () =>
    withHttp(
      (_, reply) =>
        reply.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('d8:completei7e8:intervali60e5:peers0:e')),
      async (origin) => {
        const { stdout } = await runCli(['announce', `${origin}/announce`, HASH, '--json'])
        expect(JSON.parse(stdout).seeders).toBe(7)
      },
    ))

  it('to a health check that it is ill, or with another status, is not well', () =>
    withHttp(
      (request, reply) =>
        request.url === '/ill' ? reply.end('{"status":"Error"}') : reply.writeHead(503).end('{"status":"Error"}'),
      async (origin) => {
        const { code, stdout } = await runCli(['check', `${origin}/ill`, `${origin}/503`])
        expect(code).toBe(1)
        expect(stdout).toMatch(/FAIL .*\/ill .*it says status Error\n/)
        expect(stdout).toMatch(/FAIL .*\/503 .*HTTP 503 Service Unavailable, status Error\n/)
      },
    ))
})
