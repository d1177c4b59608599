import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { makeTurnClock } from '../../lib/observe/turn-clock.ts'

const spin = (ms: number): void => {
  for (const endMs = performance.now() + ms; performance.now() < endMs; );
}

describe('the clock of a turn', () => {
  it('stands still within a turn of the event loop, and is right in the next', async () => {
    const nowMs = makeTurnClock()
    const beforeMs = performance.now()
    const firstMs = nowMs()
    spin(3)
    expect(nowMs()).toBe(firstMs)
    expect(firstMs).toBeGreaterThanOrEqual(beforeMs)
    await nextTurn()
    expect(nowMs()).toBeGreaterThanOrEqual(firstMs + 3)
  })
})
