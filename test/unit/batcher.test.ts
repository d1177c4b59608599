import { describe, expect, it } from 'vitest'
import { replyTo, settle, setUp } from '../support/batches.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open')
  await settle()
  return (await Promise.race([promise, Promise.resolve(open)])) !== open
}

describe('a batcher', () => {
  it('sends what one turn of the event loop brings together, when it is idle', async () => {
    const { add, itemsSent } = setUp()
    add(1)
    // As between the sockets of two HTTP requests, where promises run.
    await Promise.resolve()
    await Promise.resolve()
    add(2)
    expect(itemsSent()).toEqual([])
    await settle()
    expect(itemsSent()).toEqual([[1, 2]])
  })

  it('sends nothing and answers where there is nothing to send', async () => {
    const { add, itemsSent } = setUp()
    expect(await add()).toEqual([])
    expect(itemsSent()).toEqual([])
  })

  it('fills calls in the order of arrival while it is busy', async () => {
    const { add, itemsSent, answerAll } = setUp()
    const first = add(1)
    await settle()
    const replies = Promise.all([first, add(2), add(3, 4), add(5)])
    await settle()
    expect(itemsSent()).toEqual([[1]])
    await answerAll()
    expect(itemsSent()).toEqual([[1], [2, 3, 4], [5]])
    expect(await replies).toEqual([['reply 1'], ['reply 2'], ['reply 3', 'reply 4'], ['reply 5']])
  })

  it('sends no call beside one in flight but a full one', async () => {
    const { addNow, calls, itemsSent } = setUp({ callsInFlightMax: 2 })
    await addNow(1)
    await addNow(2, 3)
    expect(itemsSent()).toEqual([[1]])
    await addNow(4, 5)
    expect(itemsSent()).toEqual([[1], [2, 3, 4]])
    calls[1]?.answer()
    await settle()
    expect(itemsSent()).toEqual([[1], [2, 3, 4]])
    calls[0]?.answer()
    await settle()
    expect(itemsSent()).toEqual([[1], [2, 3, 4], [5]])
  })

  it('sends the next call as soon as one is answered, not before', async () => {
    const { addNow, calls, itemsSent } = setUp({ callsInFlightMax: 2, callItemsMax: 2 })
    await addNow(1, 2, 3, 4, 5, 6, 7)
    expect(itemsSent()).toEqual([
      [1, 2],
      [3, 4],
    ])
    calls[1]?.answer()
    await settle()
    expect(itemsSent().at(-1)).toEqual([5, 6])
  })

  it('splits a group over calls and answers it when the last is answered', async () => {
    const { add, calls, itemsSent } = setUp({ callsInFlightMax: 3 })
    const replies = add(1, 2, 3, 4, 5, 6, 7)
    await settle()
    expect(itemsSent()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
    calls[1]?.answer()
    calls[0]?.answer()
    expect(await isSettled(replies)).toBe(false)
    expect(itemsSent().at(-1)).toEqual([7])
    calls[2]?.answer()
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
    await settle()
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
    await settle()
    const second = add(3, 4, 5, 6)
    calls[0]?.reject(new Error('away'))
    await settle()
    calls[1]?.reject(new Error('late'))
    await settle()
    calls[2]?.answer()
    expect(await first).toEqual(['refused: away', 'refused: away'])
    expect(await second).toEqual(['refused: late', 'refused: late', 'refused: late', 'reply 6'])
    const third = add(7)
    await settle()
    expect(itemsSent().at(-1)).toEqual([7])
    calls[3]?.answer()
    expect(await third).toEqual(['reply 7'])
  })

  it('refuses all that waits where a call is not answered at all', async () => {
    const { add, calls, batcher } = setUp()
    const replies = add(1, 2, 3, 4, 5, 6, 7)
    const others = add(8)
    await settle()
    calls[0]?.reject(new Error('silence'))
    expect(await replies).toEqual(upTo(7).map(() => 'refused: silence'))
    expect(await others).toEqual(['refused: silence'])
    expect(calls).toHaveLength(1)
    expect(batcher.size()).toBe(0)
  })

  it('has one probe in flight after a silence, and as many calls as before once it is answered', async () => {
    const { add, addNow, calls, itemsSent } = setUp({ callsInFlightMax: 2, callItemsMax: 1 })
    await addNow(1)
    calls[0]?.reject(new Error('silence'))
    await settle()
    const replies = add(2, 3, 4)
    await settle()
    expect(itemsSent()).toEqual([[1], [2]])
    calls[1]?.answer()
    await settle()
    expect(itemsSent()).toEqual([[1], [2], [3], [4]])
    calls[2]?.answer()
    calls[3]?.answer()
    expect(await replies).toEqual([2, 3, 4].map(replyTo))
  })

  it('refuses what waits for a probe that takes long, and what comes after it at once', async () => {
    const { add, addNow, calls, itemsSent } = setUp()
    await addNow(1)
    calls[0]?.reject(new Error('silence'))
    await settle()
    const probe = add(2)
    await settle()
    const startMs = performance.now()
    expect(await add(3)).toEqual(['refused: silence'])
    expect(performance.now() - startMs).toBeGreaterThan(200)
    expect(await isSettled(add(4))).toBe(true)
    expect(itemsSent()).toEqual([[1], [2]])
    calls[1]?.answer()
    expect(await probe).toEqual(['reply 2'])
    await addNow(5)
    expect(itemsSent()).toEqual([[1], [2], [5]])
  })

  it('takes a call that went out beside one that was not answered for a probe that takes long', async () => {
    const { add, addNow, calls, itemsSent } = setUp({ callsInFlightMax: 2, callItemsMax: 1 })
    await addNow(1, 2)
    calls[0]?.reject(new Error('silence'))
    await settle()
    expect(await isSettled(add(3))).toBe(true)
    calls[1]?.reject(new Error('an answer, though not a good one'))
    await settle()
    await addNow(4, 5)
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
    await settle()
    await answerAll()
    expect(itemsSent()).toEqual([[1, 2, 3], [3]])
    expect(await replies).toEqual(['reply 3', 'reply 3'])
  })

  it('uses the memory of an answered call again, and of no other', async () => {
    const { add, addNow, calls } = setUp({ callsInFlightMax: 2, callItemsMax: 1 })
    add(1)
    await addNow(2)
    calls[0]?.answer()
    await settle()
    await addNow(3)
    expect(calls[2]?.bytes.buffer).toBe(calls[0]?.bytes.buffer)
    expect(calls[2]?.bytes.buffer).not.toBe(calls[1]?.bytes.buffer)
  })

  it('lets go of most of the memory that a burst needed', async () => {
    const { add, calls, answerAll } = setUp({ callItemsMax: 1 })
    for (const burst of [upTo(20), upTo(20)]) {
      add(...burst)
      await settle()
      await answerAll()
    }
    const memories = calls.map(({ bytes }) => bytes.buffer)
    const kept = new Set(memories.slice(20).filter((memory) => memories.slice(0, 20).includes(memory)))
    expect(kept.size).toBe(2)
  })
})
