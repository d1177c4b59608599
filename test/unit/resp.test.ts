import type { Writable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { makeCommandWriter, makeReplyReader, ReplyError } from '../../lib/store/resp.ts'

const reply = (...elements: (string | null)[]): string =>
  `*${elements.length}\r\n${elements.map((each) => (each === null ? '$-1\r\n' : `$${each.length}\r\n${each}\r\n`)).join('')}`
const texts = (replies: ReturnType<ReturnType<typeof makeReplyReader>['add']>) =>
  replies.map((each) => (Array.isArray(each) ? each.map((element) => element?.toString('latin1') ?? null) : each))

describe('a reader of replies', () => {
  const sent = ['a', null, '', 'x\r\n$5\r\ny', 'z'.repeat(300)]
  const three = Buffer.from(reply(...sent) + reply() + reply('last'), 'latin1')

  it('reads arrays of bulk strings and nils, several at once', () => {
    expect(texts(makeReplyReader().add(three))).toEqual([sent, [], ['last']])
  })

  it('reads them wherever they are cut in two', () => {
    for (let at = 0; at <= three.length; at++) {
      const { add } = makeReplyReader()
      expect([...texts(add(three.subarray(0, at))), ...texts(add(three.subarray(at)))]).toEqual([sent, [], ['last']])
    }
  })

  it('reads them byte by byte', () => {
    const { add } = makeReplyReader()
    const read = Array.from(three, (byte) => texts(add(Buffer.from([byte])))).flat()
    expect(read).toEqual([sent, [], ['last']])
  })

  it('reads an error as one, and what comes after it', () => {
    const [error, next] = makeReplyReader().add(Buffer.from(`-OOM no room\r\n${reply('a')}`))
    expect(error).toBeInstanceOf(ReplyError)
    expect(error).toMatchObject({ name: 'ReplyError', message: 'OOM no room' })
    expect(next).toEqual([Buffer.from('a')])
  })

  it('reads a bulk string and a nil that stand alone', () => {
    expect(makeReplyReader().add(Buffer.from('$2\r\nab\r\n$-1\r\n'))).toEqual([Buffer.from('ab'), null])
  })

  it('reads errors among the elements of an array', () => {
    const [read] = makeReplyReader().add(Buffer.from('*2\r\n-WRONGTYPE it is\r\n$1\r\na\r\n'))
    expect(read).toMatchObject([{ name: 'ReplyError', message: 'WRONGTYPE it is' }, Buffer.from('a')])
  })

  it.each([
    ['a status', '+OK\r\n'],
    ['a number', ':1\r\n'],
    ['an array of numbers', '*1\r\n:1\r\n'],
    ['an array in an array', '*1\r\n*1\r\n$1\r\na\r\n'],
    ['an array that is nil', '*-1\r\n'],
    ['a count that is none', '*x\r\n'],
    ['a length that is none', '*1\r\n$1x\r\n'],
    ['more elements than a script answers', '*1025\r\n'],
    ['a number without an end', `*1\r\n$${'9'.repeat(20)}`],
    ['a string longer than any reply', '*1\r\n$99999999\r\n'],
  ])('takes %s for no reply to a script', (_name, text) => {
    const { add } = makeReplyReader()
    expect(() => add(Buffer.from(text))).toThrow('no reply')
  })

  it('keeps no more than the largest reply, however much comes', () => {
    const { add } = makeReplyReader()
    // An error whose end never comes.
    add(Buffer.from('-ERR '))
    expect(() => {
      for (let i = 0; i < 80; i++) add(Buffer.alloc(65_536, 'x'))
    }).toThrow('no reply')
  })
})

it('a command is written at once, as RESP has it: numbers as text, lengths in bytes, buffers as they are', () => {
  const written: string[] = []
  const write = makeCommandWriter({
    write(bytes: Buffer, done: () => void) {
      written.push(bytes.toString('latin1'))
      done()
      return true
    },
  } as Writable)
  write(['FCALL', 'é', 0, Buffer.from([13, 10, 0]), '', Buffer.alloc(0)])
  expect(written).toEqual([
    `*6\r\n$5\r\nFCALL\r\n$2\r\n${Buffer.from('é').toString('latin1')}\r\n$1\r\n0\r\n$3\r\n\r\n\0\r\n$0\r\n\r\n$0\r\n\r\n`,
  ])
})

it('commands that are under way do not share bytes, and others do', () => {
  const [written, done]: [Buffer[], (() => void)[]] = [[], []]
  const write = makeCommandWriter({
    write: (bytes: Buffer, end: () => void) => written.push(bytes) < done.push(end),
  } as unknown as Writable)
  const texts = ['a', 'b', 'c'.repeat(70_000), 'd']
  for (const text of texts) write([text])
  expect(written.map(String)).toEqual(texts.map((text) => `*1\r\n$${text.length}\r\n${text}\r\n`))
  done[1]?.()
  write(['e'])
  write(['f'])
  expect(written[4]?.buffer).toBe(written[1]?.buffer)
  expect(String(written[4])).toBe('*1\r\n$1\r\ne\r\n')
  expect(String(written[0])).toBe('*1\r\n$1\r\na\r\n')
})
