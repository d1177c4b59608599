import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
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
