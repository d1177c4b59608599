import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { expect, it, vi } from 'vitest'
import { endConnection } from '../../lib/store/client.ts'
import { COMMAND_MS_MAX, connectRedis, SILENCE_MS_MAX } from '../../lib/store/connect.ts'
import { nodesOf } from '../../lib/store/nodes.ts'
import { type CallScript, scriptConnectionOf } from '../../lib/store/script-connection.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'

const server = useRedis()
const ECHO = 'return {ARGV[1], false, ARGV[2]}'
const echo = (...args: (string | Buffer)[]) => ['EVAL', ECHO, 0, ...args]
/** How many connections Redis has. */
const connected = async () => Number(/connected_clients:(\d+)/.exec(await server().redis.info('clients'))?.[1])

/** Waits until calls are answered again. */
const untilMadeAnew = (call: CallScript): Promise<void> =>
  until('it to be made anew', () =>
    call(echo('a', 'b')).then(
      () => true,
      () => false,
    ),
  )

it('answers calls in order, many at once and of any length', async () => {
  const { call } = scriptConnectionOf(server().redis)
  const sizes = [0, 1, 100, 70_000, 300_000, 5]
  const replies = await Promise.all(sizes.map((size, i) => call(echo(String(i), Buffer.alloc(size, 13)))))
  expect(replies).toEqual(sizes.map((size, i) => [Buffer.from(String(i)), null, Buffer.alloc(size, 13)]))
})

it('rejects with what Redis answers, and serves on', async () => {
  const { call } = scriptConnectionOf(server().redis)
  await expect(call(['FCALL', 'none', 0])).rejects.toMatchObject({
    name: 'ReplyError',
    message: 'ERR Function not found',
  })
  expect(await call(echo('a', 'b'))).toHaveLength(3)
})

it('is one for a connection, however often it is asked for', async () => {
  const { redis } = server()
  await scriptConnectionOf(redis).ready
  const before = await connected()
  await scriptConnectionOf(redis).call(echo('a', 'b'))
  expect(await connected()).toBe(before)
})

it('is made anew where it is cut, and tells who waited', async () => {
  const { redis } = server()
  const { call } = scriptConnectionOf(redis)
  await call(echo('a', 'b'))
  const waiting = call(['BLPOP', 'nothing', 5])
  const told = expect(waiting).rejects.toThrow('the connection was lost')
  await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await told
  await untilMadeAnew(call)
})

it('is left with the connection that it is beside, for the same reason', async () => {
  const { redis } = server()
  const { call } = scriptConnectionOf(redis)
  await call(echo('a', 'b'))
  const told = expect(call(['BLPOP', 'nothing', 5])).rejects.toThrow('nothing was heard of it')
  redis.stream.destroy(new Error('nothing was heard of it'))
  await told
  await untilMadeAnew(call)
})

it('is made anew where Redis answers with what is no reply to a script', async () => {
  const { call } = scriptConnectionOf(server().redis)
  await expect(call(['PING'])).rejects.toThrow('no reply to it')
  await untilMadeAnew(call)
})

it('tells who waits longer than a command may take, keeps the order, and gives up a connection that stays silent', async () => {
  const { call } = scriptConnectionOf(server().redis)
  await call(echo('a', 'b'))
  server().process.kill('SIGSTOP')
  await expect(call(echo('late', ''))).rejects.toThrow('did not answer in time')
  server().process.kill('SIGCONT')
  expect(await call(echo('next', ''))).toEqual([Buffer.from('next'), null, Buffer.alloc(0)])
  server().process.kill('SIGSTOP')
  const late = expect(call(echo('late', ''))).rejects.toThrow('did not answer in time')
  await sleep(1500)
  const second = expect(call(echo('second', ''))).rejects.toThrow('not connected: Redis did not answer in time')
  await Promise.all([late, second])
  server().process.kill('SIGCONT')
  await untilMadeAnew(call)
})

it('takes what came in time while this process stood still', async () => {
  const { redis } = server()
  const { call } = scriptConnectionOf(redis)
  await call(echo('a', 'b'))
  const connections = async () => String(await redis.client('LIST')).match(/(?<=^id=)\d+/gm)
  const before = await connections()
  const waiting = call(echo('in time', ''))
  const untilMs = performance.now() + SILENCE_MS_MAX + 100
  while (performance.now() < untilMs);
  expect(await waiting).toEqual([Buffer.from('in time'), null, Buffer.alloc(0)])
  // Nor is the connection given up later.
  await sleep(SILENCE_MS_MAX - COMMAND_MS_MAX + 100)
  expect(await connections()).toEqual(before)
})

/** Runs a test with a connection to the server over TCP, through a way that can be stopped and tells how much came over it. */
async function overTcp(
  test: (redis: Redis, way: { stop: () => void; goOn: () => void; received: () => number }) => Promise<void>,
): Promise<void> {
  const asked: Socket[] = []
  let received = 0
  const way = createServer((socket) => {
    const redis = connect(server().socket)
    asked.push(socket)
    socket.on('data', (bytes) => {
      received += bytes.length
      redis.write(bytes)
    })
    redis.pipe(socket)
    for (const each of [socket, redis]) each.on('error', () => {})
    socket.once('close', () => redis.destroy())
  })
  way.listen(0, '127.0.0.1')
  await once(way, 'listening')
  const client = await connectRedis(`redis://127.0.0.1:${(way.address() as AddressInfo).port}`)
  try {
    await test(nodesOf(client).all()[0] as Redis, {
      stop() {
        for (const socket of asked) socket.pause()
        received = 0
      },
      goOn() {
        for (const socket of asked) socket.resume()
      },
      received: () => received,
    })
  } finally {
    client.disconnect()
    for (const socket of asked) socket.destroy()
    way.close()
  }
}

/** The script connection beside a connection over TCP, and its own, by which the test sees how it ends. */
async function withOwn(redis: Redis): Promise<{ own: Redis; call: CallScript }> {
  const duplicate = vi.spyOn(redis, 'duplicate')
  const { call } = scriptConnectionOf(redis)
  await call(echo('a', 'b'))
  return { own: duplicate.mock.results[0]?.value as Redis, call }
}

/** More than fits the other end's buffer, and less than fits this one's; more than fits both. */
it.each([1_000_000, 20_000_000])(
  'takes back what a connection that it gives up has not delivered, of %i bytes: nothing is done long after it was refused',
  (bytes) =>
    overTcp(async (redis, way) => {
      const { call } = scriptConnectionOf(redis)
      await call(echo('a', 'b'))
      way.stop()
      await expect(call(echo('late', Buffer.alloc(bytes)))).rejects.toThrow('did not answer in time')
      await expect(call(echo('second', ''))).rejects.toThrow('not connected: Redis did not answer in time')
      way.goOn()
      await untilMadeAnew(call)
      await sleep(500)
      expect(way.received()).toBeLessThan(1_000_000)
    }),
)

it('is closed also where it is ended and given up in one turn of the loop', () =>
  overTcp(async (redis) => {
    const { own } = await withOwn(redis)
    const closed = once(own.stream, 'close')
    redis.prependOnceListener('close', () => endConnection(redis))
    redis.stream.destroy()
    await closed
  }))

it('is closed also where what it is given up for has it end', () =>
  overTcp(async (redis) => {
    const { own, call } = await withOwn(redis)
    const closed = once(own.stream, 'close')
    const refused = Object.assign(new Error('NOPERM'), { name: 'ReplyError', command: { name: 'select', args: ['1'] } })
    redis.emit('error', refused)
    redis.stream.destroy()
    await closed
    await untilMadeAnew(call)
  }))

it('tells the first reason for which it was given up', () =>
  overTcp(async (redis) => {
    const { call } = scriptConnectionOf(redis)
    await call(echo('a', 'b'))
    const waiting = call(['BLPOP', 'nothing', 5])
    redis.stream.destroy(new Error('nothing was heard of it'))
    await expect(waiting).rejects.toThrow('nothing was heard of it')
    redis.emit('error', new Error('another'))
    redis.emit('close')
    await expect(call(echo('a', 'b'))).rejects.toThrow('nothing was heard of it')
    await untilMadeAnew(call)
  }))

it('ends with the connection that it is beside', async () => {
  const own = await startRedis()
  try {
    const beside = own.redis.duplicate()
    const { call, ready } = scriptConnectionOf(beside)
    await ready
    beside.disconnect()
    await until(
      'it to end',
      async () =>
        String(await own.redis.client('LIST'))
          .split('\n')
          .filter(Boolean).length === 1,
    )
    await expect(call(echo('a', 'b'))).rejects.toThrow('Redis is not connected')
  } finally {
    await own.stop()
  }
})
