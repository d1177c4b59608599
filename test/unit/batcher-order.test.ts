import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Call, type Limits, readItems, replyTo, settle, setUp } from '../support/batches.ts'

it('a batcher answers each item at its place and keeps to its limits, whatever comes when', async () => {
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
    // It is never idle with work to do, and has as many calls in flight as full ones wait.
    const left = kept.length - calls.reduce((sum, call) => sum + call.items.length, 0)
    if (left > 0) expect(open.size).toBeGreaterThan(0)
    if (left >= limits.callItemsMax) expect(open.size).toBe(limits.callsInFlightMax)
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
      await settle()
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
