import { describe, expect, it } from 'vitest'
import { type ExpectedPeer, ExpectedSwarm, type PeerState } from '../chaos/expected.ts'

const [A, B, C] = ['7f00000104d2', '7f00000204d2', '7f00000304d2']
const SIX = `${'0'.repeat(31)}104d2`
const NUMWANT = 50

/** A swarm whose clients were answered at these seconds. */
function swarmOf(states: Record<string, PeerState>, lifetimeMs?: number) {
  const swarm = new ExpectedSwarm(lifetimeMs)
  for (const [endpoint, state] of Object.entries(states)) answer(swarm, swarm.peer(endpoint), state, 1000)
  return swarm
}
const answer = (swarm: ExpectedSwarm, peer: ExpectedPeer, state: PeerState, nowMs: number) =>
  swarm.answered(peer, state, { sentMs: nowMs, nowMs })

/** What is wrong with an answer to one of the swarm. */
const problem = (
  swarm: ExpectedSwarm,
  own: string,
  told: { seeders: number; leechers: number; endpoints: string[] },
  nowMs = 2000,
  numwant = NUMWANT,
) => {
  const peer = swarm.peer(own)
  return swarm.problemOf(told, peer, { as: [...peer.states][0] as PeerState, numwant, nowMs })
}

describe('what clients know of a swarm', () => {
  const swarm = swarmOf({ [A]: 'leecher', [B]: 'seeder', [C]: 'seeder', [SIX]: 'leecher' })

  it('takes an answer that is right', () => {
    expect(problem(swarm, A, { seeders: 2, leechers: 2, endpoints: [C, B] })).toBeUndefined()
    expect(problem(swarm, B, { seeders: 2, leechers: 2, endpoints: [A] })).toBeUndefined()
    expect(problem(swarm, SIX, { seeders: 2, leechers: 2, endpoints: [] })).toBeUndefined()
  })

  it.each([
    ['a peer that never was', A, { seeders: 2, leechers: 2, endpoints: [B, C, '7f00000904d2'] }, 'which never was'],
    ['the peer itself', A, { seeders: 2, leechers: 2, endpoints: [A, B, C] }, 'who asks'],
    ['a peer of the other family', A, { seeders: 2, leechers: 2, endpoints: [B, C, SIX] }, SIX],
    [
      'a seeder to a seeder',
      B,
      { seeders: 2, leechers: 2, endpoints: [A, C] },
      'which is seeder, to one that is seeder',
    ],
    ['a peer twice', A, { seeders: 2, leechers: 2, endpoints: [B, C, C] }, 'twice'],
    ['too few peers', A, { seeders: 2, leechers: 2, endpoints: [B] }, `does not tell of ${C}`],
    ['too many seeders', A, { seeders: 3, leechers: 2, endpoints: [B, C] }, '3 seeders, and there are 2'],
    ['too few leechers', A, { seeders: 2, leechers: 1, endpoints: [B, C] }, '1 leechers, and there are 2'],
  ])('finds %s', (_, own, told, text) => {
    expect(problem(swarm, own, told)).toContain(text)
  })

  it('takes any peers of a swarm that is larger than what was asked for', () => {
    expect(problem(swarm, A, { seeders: 2, leechers: 2, endpoints: [B] }, 2000, 1)).toBeUndefined()
  })

  it('takes both where an announce was not answered, until the next answer after all has settled', () => {
    const open = swarmOf({ [A]: 'leecher', [B]: 'leecher' })
    const peer = open.peer(B)
    open.unanswered(peer, 'absent', 1500)
    const [with_, without] = [
      { seeders: 0, leechers: 2, endpoints: [B] },
      { seeders: 0, leechers: 1, endpoints: [] },
    ]
    expect([problem(open, A, with_), problem(open, A, without)]).toEqual([undefined, undefined])
    // What was not answered may be done after what was.
    answer(open, peer, 'leecher', 1600)
    expect([problem(open, A, with_), problem(open, A, without)]).toEqual([undefined, undefined])
    open.settle()
    answer(open, peer, 'leecher', 1700)
    expect([problem(open, A, with_), problem(open, A, without)]).toEqual([undefined, expect.stringContaining(B)])
  })

  it('takes what was before where a store may have lost what came after, and nothing older', () => {
    const lossy = swarmOf({ [A]: 'leecher', [B]: 'leecher', [C]: 'leecher' })
    answer(lossy, lossy.peer(B), 'seeder', 1200)
    answer(lossy, lossy.peer(B), 'absent', 1600)
    answer(lossy, lossy.peer(C), 'seeder', 1300)
    lossy.mayHaveLost(1400, 2000)
    expect([...lossy.peer(B).states].sort()).toEqual(['absent', 'seeder'])
    expect([...lossy.peer(C).states]).toEqual(['seeder'])
    expect(problem(lossy, A, { seeders: 2, leechers: 1, endpoints: [B, C] })).toBeUndefined()
    expect(problem(lossy, A, { seeders: 0, leechers: 2, endpoints: [B] })).toContain(C)
  })

  it('lets a peer go that was silent for a lifetime, and no sooner', () => {
    const short = swarmOf({ [A]: 'leecher', [B]: 'leecher' }, 5000)
    answer(short, short.peer(A), 'leecher', 6000)
    const told = { seeders: 0, leechers: 1, endpoints: [] }
    expect(problem(short, A, told, 5900)).toContain(B)
    expect(problem(short, A, told, 6100)).toBeUndefined()
  })

  it('knows how many downloads completed, and how many may have', () => {
    const done = swarmOf({ [A]: 'seeder', [B]: 'seeder', [C]: 'seeder' })
    const counts = (completed: number) => done.problemOfCounts({ seeders: 3, leechers: 0, completed }, 2000)
    done.toldCompleted(done.peer(A), true, 1500)
    done.toldCompleted(done.peer(A), true, 1600)
    expect([counts(0), counts(1), counts(2)]).toEqual([expect.any(String), undefined, expect.any(String)])
    done.toldCompleted(done.peer(B), false, 1700)
    expect([counts(0), counts(1), counts(2), counts(3)]).toEqual([
      ...[expect.any(String), undefined, undefined],
      expect.any(String),
    ])
    done.toldCompleted(done.peer(B), true, 1800)
    expect([counts(1), counts(2)]).toEqual([expect.any(String), undefined])
    done.mayHaveLost(1700, 2000)
    expect([counts(0), counts(1), counts(2)]).toEqual([expect.any(String), undefined, undefined])
  })
})
