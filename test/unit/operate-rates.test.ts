import { expect, it } from 'vitest'
import { makeCounters } from '../../lib/observe/counters.ts'
import { countedOf } from '../../services/cli/operate/rates.ts'

it('what a ban or a limit keeps out is told as refused, whether it was answered or not', () => {
  const answered = { tcp4_announces_refused: 1, udp6_scrapes_refused: 2, refused_banned: 4 }
  const counters = { ...makeCounters(), ...answered, udp_banned: 8, udp_over_rate: 16, udp_dropped: 32 }
  expect(countedOf(counters)).toMatchObject({ refused: 31, dropped: 32 })
})
