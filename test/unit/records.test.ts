import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { makeRememberedChunks } from '../../lib/store/remembered-chunks.ts'
import { recordTargets } from '../fuzz/targets/records.ts'

it.each(recordTargets)('$name: $holds', ({ inputBytesMax, check, seeds }) => {
  for (const seed of seeds) void check(seed)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: inputBytesMax, size: 'max' }), (bytes) => void check(Buffer.from(bytes))),
    { numRuns: 2000 },
  )
})

it('nearly all of a few thousand large swarms are remembered', () => {
  const memory = makeRememberedChunks()
  const hexes = Array.from({ length: 4000 }, () => Buffer.from(randomBytes(20).toString('hex')))
  for (const hex of hexes) memory.learn(hex, 0, Buffer.alloc(24, 1))
  expect(hexes.filter((hex) => memory.find(hex, 0) !== undefined).length).toBeGreaterThan(3850)
})
