import assert from 'node:assert/strict'
import { makeConnectionIds } from '../../../lib/wire/connection-id.ts'
import type { Endpoint } from '../../../lib/wire/endpoint.ts'
import { makeReader, type Target } from '../target.ts'

const secret = Buffer.alloc(32, 's')
/** Each goes on from input to input, as a tracker does. */
const trackers = [1, 2, 5, 120, 121, 3600].map((lifetimeS) => ({
  lifetimeS,
  ids: makeConnectionIds({ secret, lifetimeS }),
}))
/** Past so many windows an id's byte means another one. */
const WINDOWS_KNOWN = 250

function check(input: Buffer): void {
  const { u8, u16, u32, bytes } = makeReader(input)
  const { lifetimeS, ids } = trackers[u16() % trackers.length] as (typeof trackers)[number]
  const family = u8() & 1 ? 18 : 6
  const source = bytes(family) as Endpoint
  const other = bytes(family) as Endpoint
  // Now and then, a clock of long ago: there is no window before the first.
  const nowS = u8() & 1 ? u16() : u32()
  const laterS = nowS + (u16() % (lifetimeS * 4))
  const issued = ids([source, other], nowS).issue(0)
  const then = ids([other, source], laterS)

  const ageS = laterS - nowS
  const standing = then.check(1, issued)
  if (ageS <= lifetimeS) assert.equal(standing, 'valid', 'an id is good for its lifetime')
  const windowS = Math.max(1, Math.ceil(lifetimeS / 2))
  if (ageS >= 3 * windowS && ageS < WINDOWS_KNOWN * windowS) assert.equal(standing, 'expired', 'and not for ever')

  const isSameAddress = other.subarray(0, -2).equals(source.subarray(0, -2))
  if (!isSameAddress) assert.equal(then.check(0, issued), 'forged', 'it is of no use at another address')
  const bit = u8() & 63
  const changed = Buffer.from(issued)
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  assert.equal(ids([source], nowS).check(0, changed), 'forged', 'nor with one bit changed')
  const guess = bytes(8)
  if (!guess.equals(issued)) assert.notEqual(ids([source], nowS).check(0, guess), 'valid', 'nobody guesses one')
}

/** What proves that a client is where it says. */
export const connectionIdTargets: readonly Target[] = [
  {
    name: 'connection-id',
    holds: 'a connection id is good for its lifetime at its address, and nowhere else, nor with a bit changed',
    inputBytesMax: 64,
    seeds: [
      Buffer.alloc(0),
      Buffer.from('0078005e0133640506c0000201c3506b49d20000b405', 'hex'),
      Buffer.alloc(64, 0x81),
    ],
    words: [],
    check,
  },
]
