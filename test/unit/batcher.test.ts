import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeBatcher } from '../../lib/store/batcher.ts'

/** A call as the other side sees it: its bytes, which must not change until it is answered. */
type Call = { bytes: Buffer; items: number[]; answer: () => void; reject: (error: Error) => void }
type Limits = { callItemsMax: number; callsInFlightMax: number; itemsMax: number }

const ITEM_BYTES = 2
const replyTo = (item: number): string => `reply ${item}`
const readItems = (bytes: Buffer): number[] =>
  Array.from({ length: bytes.length / ITEM_BYTES }, (_, i) => bytes.readUInt16BE(i * ITEM_BYTES))

/** A batcher of numbers, whose calls the test answers. */
function setUp(limits: Partial<Limits> = {}) {
  const calls: Call[] = []
  const batcher = makeBatcher<{ number: number }, string>({
    write: (into, at, item) => into.writeUInt16BE(item.number, at),
    send(bytes, count) {
      expect(bytes).toHaveLength(count * ITEM_BYTES)
      const { promise, resolve, reject } = Promise.withResolvers<string[]>()
      calls.push({ bytes, items: readItems(bytes), answer: () => resolve(readItems(bytes).map(replyTo)), reject })
      return promise
    },
    refuse: (error) => `refused: ${(error as Error).message}`,
    isSilence: (error) => (error as Error).message === 'silence',
    overflow: () => 'overflow',
    itemBytesMax: ITEM_BYTES,
    callItemsMax: 3,
    callsInFlightMax: 1,
    itemsMax: 100,
    ...limits,
  })
  const add = (...numbers: number[]) => batcher.add(numbers.map((number) => ({ number })))
  /** Answers the calls that there are and those that follow from it. */
  const answerAll = async () => {
    for (let i = 0; i < calls.length; i++) {
      calls[i]?.answer()
      await settle()
    }
  }
  return { add, calls, batcher, answerAll, itemsSent: () => calls.map(({ items }) => items) }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Lets all that has been decided run. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open')
  await settle()
  return (await Promise.race([promise, Promise.resolve(open)])) !== open
}

describe('a batcher', () => {
  it('sends at once when it is idle', () => {
    const { add, itemsSent } = setUp()
    add(1)
    expect(itemsSent()).toEqual([[1]])
  })

  it('sends nothing and answers where there is nothing to send', async () => {
    const { add, itemsSent } = setUp()
    expect(await add()).toEqual([])
    expect(itemsSent()).toEqual([])
  })

  it('fills calls in the order of arrival while it is busy', async () => {
    const { add, itemsSent, answerAll } = setUp()
    const replies = Promise.all([add(1), add(2), add(3, 4), add(5)])
    expect(itemsSent()).toEqual([[1]])
    await answerAll()
    expect(itemsSent()).toEqual([[1], [2, 3, 4], [5]])
    expect(await replies).toEqual([['reply 1'], ['reply 2'], ['reply 3', 'reply 4'], ['reply 5']])
  })

  it('sends the next call as soon as one is answered, not before', async () => {
    const { add, calls } = setUp({ callsInFlightMax: 2 })
    add(1)
    add(2)
    add(3)
    add(4)
    expect(calls.map(({ items }) => items)).toEqual([[1], [2]])
    calls[1]?.answer()
    await settle()
    expect(calls.map(({ items }) => items)).toEqual([[1], [2], [3, 4]])
  })

  it('splits a group over calls and answers it when the last is answered', async () => {
    const { add, calls, itemsSent } = setUp({ callsInFlightMax: 3 })
    const replies = add(1, 2, 3, 4, 5, 6, 7)
    expect(itemsSent()).toEqual([[1, 2, 3], [4, 5, 6], [7]])
    calls[2]?.answer()
    calls[0]?.answer()
    expect(await isSettled(replies)).toBe(false)
    calls[1]?.answer()
    expect(await replies).toEqual([1, 2, 3, 4, 5, 6, 7].map(replyTo))
  })

  it('refuses a group past its bound at once and keeps nothing of it', async () => {
    const { add, batcher, calls, itemsSent, answerAll } = setUp({ itemsMax: 4 })
    add(1, 2, 3)
    expect(await add(4, 5)).toEqual(['overflow', 'overflow'])
    expect(batcher.size()).toBe(3)
    const fits = add(6)
    expect(batcher.size()).toBe(4)
    expect(await add(7)).toEqual(['overflow'])
    calls[0]?.answer()
    await settle()
    expect(batcher.size()).toBe(1)
    add(8, 9, 10)
    await answerAll()
    expect(itemsSent()).toEqual([[1, 2, 3], [6], [8, 9, 10]])
    expect(await fits).toEqual(['reply 6'])
    expect(batcher.size()).toBe(0)
  })

  it('refuses just the items of a call that fails, and goes on', async () => {
    const { add, calls, itemsSent } = setUp()
    const first = add(1, 2)
    const second = add(3, 4, 5, 6)
    calls[0]?.reject(new Error('away'))
    await settle()
    calls[1]?.reject(new Error('late'))
    await settle()
    calls[2]?.answer()
    expect(await first).toEqual(['refused: away', 'refused: away'])
    expect(await second).toEqual(['refused: late', 'refused: late', 'refused: late', 'reply 6'])
    const third = add(7)
    expect(itemsSent().at(-1)).toEqual([7])
    calls[3]?.answer()
    expect(await third).toEqual(['reply 7'])
  })

  it('refuses all that waits where a call is not answered at all', async () => {
    const { add, calls, batcher } = setUp()
    const replies = add(1, 2, 3, 4, 5, 6, 7)
    const others = add(8)
    calls[0]?.reject(new Error('silence'))
    expect(await replies).toEqual(upTo(7).map(() => 'refused: silence'))
    expect(await others).toEqual(['refused: silence'])
    expect(calls).toHaveLength(1)
    expect(batcher.size()).toBe(0)
  })

  it('has one probe in flight after a silence, and as many calls as before once it is answered', async () => {
    const { add, calls, itemsSent } = setUp({ callsInFlightMax: 2, callItemsMax: 1 })
    add(1)
    calls[0]?.reject(new Error('silence'))
    await settle()
    const replies = add(2, 3, 4)
    expect(itemsSent()).toEqual([[1], [2]])
    calls[1]?.answer()
    await settle()
    expect(itemsSent()).toEqual([[1], [2], [3], [4]])
    calls[2]?.answer()
    calls[3]?.answer()
    expect(await replies).toEqual([2, 3, 4].map(replyTo))
  })

  it('refuses what waits for a probe that takes long, and what comes after it at once', async () => {
    const { add, calls, itemsSent } = setUp()
    add(1)
    calls[0]?.reject(new Error('silence'))
    await settle()
    const probe = add(2)
    const startMs = performance.now()
    expect(await add(3)).toEqual(['refused: silence'])
    expect(performance.now() - startMs).toBeGreaterThan(200)
    expect(await isSettled(add(4))).toBe(true)
    expect(itemsSent()).toEqual([[1], [2]])
    calls[1]?.answer()
    expect(await probe).toEqual(['reply 2'])
    add(5)
    expect(itemsSent()).toEqual([[1], [2], [5]])
  })

  it('takes a call that went out beside one that was not answered for a probe that takes long', async () => {
    const { add, calls, itemsSent } = setUp({ callsInFlightMax: 2, callItemsMax: 1 })
    add(1, 2)
    calls[0]?.reject(new Error('silence'))
    await settle()
    expect(await isSettled(add(3))).toBe(true)
    calls[1]?.reject(new Error('an answer, though not a good one'))
    await settle()
    add(4, 5)
    expect(itemsSent()).toEqual([[1], [2], [4], [5]])
  })

  it('has written the items when add returns, so that what they point to may be used again', async () => {
    const { batcher, itemsSent, answerAll } = setUp()
    const item = { number: 1 }
    batcher.add([item])
    item.number = 2
    batcher.add([item])
    item.number = 3
    const replies = batcher.add([item, item])
    item.number = 4
    await answerAll()
    expect(itemsSent()).toEqual([[1], [2, 3, 3]])
    expect(await replies).toEqual(['reply 3', 'reply 3'])
  })

  it('uses the memory of an answered call again, and of no other', async () => {
    const { add, calls } = setUp({ callsInFlightMax: 2, callItemsMax: 1 })
    add(1)
    add(2)
    calls[0]?.answer()
    await settle()
    add(3)
    expect(calls[2]?.bytes.buffer).toBe(calls[0]?.bytes.buffer)
    expect(calls[2]?.bytes.buffer).not.toBe(calls[1]?.bytes.buffer)
  })

  it('lets go of most of the memory that a burst needed', async () => {
    const { add, calls, answerAll } = setUp({ callItemsMax: 1 })
    for (const burst of [upTo(20), upTo(20)]) {
      add(...burst)
      await answerAll()
    }
    const memories = calls.map(({ bytes }) => bytes.buffer)
    const kept = new Set(memories.slice(20).filter((memory) => memories.slice(0, 20).includes(memory)))
    expect(kept.size).toBe(2)
  })

  it('answers each item at its place and keeps to its limits, whatever comes when', async () => {
    const stepArb = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), count: fc.nat(12) }),
      fc.record({ kind: fc.constant('answer' as const), which: fc.nat(), fails: fc.boolean() }),
    )
    const limitsArb = fc.record({
      callItemsMax: fc.integer({ min: 1, max: 5 }),
      callsInFlightMax: fc.integer({ min: 1, max: 3 }),
      itemsMax: fc.constantFrom(10, 1000),
    })
    await fc.assert(fc.asyncProperty(limitsArb, fc.array(stepArb, { maxLength: 60, size: 'max' }), run))
  })
})

type Step = { kind: 'add'; count: number } | { kind: 'answer'; which: number; fails: boolean }

/** Runs steps, then answers what is left, and holds replies and calls against what they must be. */
async function run(limits: Limits, steps: Step[]): Promise<void> {
  const { add, calls, batcher } = setUp(limits)
  const open = new Set<Call>()
  const groups: { numbers: number[]; replies: Promise<string[]> }[] = []
  const failed = new Set<number>()
  const kept: number[] = []
  let waiting = 0
  let seen = 0
  let next = 0
  const look = () => {
    for (const call of calls.slice(seen)) open.add(call)
    seen = calls.length
    expect(open.size).toBeLessThanOrEqual(limits.callsInFlightMax)
    expect(batcher.size()).toBe(waiting)
    // It is never idle with work to do.
    const sent = calls.reduce((sum, call) => sum + call.items.length, 0)
    if (sent < kept.length) expect(open.size).toBe(limits.callsInFlightMax)
  }
  const answer = async (call: Call, fails: boolean) => {
    expect(readItems(call.bytes)).toEqual(call.items)
    open.delete(call)
    waiting -= call.items.length
    if (fails) for (const item of call.items) failed.add(item)
    if (fails) call.reject(new Error('away'))
    else call.answer()
    await settle()
    look()
  }
  for (const step of steps) {
    if (step.kind === 'add') {
      const numbers = Array.from({ length: step.count }, () => next++)
      const fits = waiting + numbers.length <= limits.itemsMax
      if (fits) kept.push(...numbers)
      if (fits) waiting += numbers.length
      groups.push({ numbers, replies: add(...numbers) })
      look()
    } else {
      const call = [...open][step.which % Math.max(1, open.size)]
      if (call) await answer(call, step.fails)
    }
  }
  for (const call of open) await answer(call, false)
  expect(calls.flatMap(({ items }) => items)).toEqual(kept)
  expect(Math.max(0, ...calls.map(({ items }) => items.length))).toBeLessThanOrEqual(limits.callItemsMax)
  const expected = (item: number) => {
    if (!kept.includes(item)) return 'overflow'
    return failed.has(item) ? 'refused: away' : replyTo(item)
  }
  for (const { numbers, replies } of groups) expect(await replies).toEqual(numbers.map(expected))
}
