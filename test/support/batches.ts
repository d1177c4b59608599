import { expect } from 'vitest'
import { makeBatcher } from '../../lib/store/batcher.ts'

/** A call as the other side sees it: its bytes, which must not change until it is answered. */
export type Call = { bytes: Buffer; items: number[]; answer: () => void; reject: (error: Error) => void }
/** A batcher's limits. */
export type Limits = { callItemsMax: number; callsInFlightMax: number; itemsMax: number }

const ITEM_BYTES = 2
/** What answers an item. */
export const replyTo = (item: number): string => `reply ${item}`
/** The items in a call's bytes. */
export const readItems = (bytes: Buffer): number[] =>
  Array.from({ length: bytes.length / ITEM_BYTES }, (_, i) => bytes.readUInt16BE(i * ITEM_BYTES))

/** A batcher of numbers, whose calls the test answers. */
export function setUp(limits: Partial<Limits> = {}) {
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
  const addNow = async (...numbers: number[]) => {
    void add(...numbers)
    await settle()
  }
  /** Answers the calls that there are and those that follow from it. */
  const answerAll = async () => {
    for (let i = 0; i < calls.length; i++) {
      calls[i]?.answer()
      await settle()
    }
  }
  return { add, addNow, calls, batcher, answerAll, itemsSent: () => calls.map(({ items }) => items) }
}

/** Lets all that has been decided run. */
export const settle = () => new Promise((resolve) => setImmediate(resolve))
