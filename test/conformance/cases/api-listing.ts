import { type Case, expectThat, rule } from '../case.ts'
import { askApi, shownApi } from '../client/api.ts'
import { escaped } from '../client/http.ts'
import type { Scene } from '../scene.ts'
import type { Subject } from '../subject.ts'

const LISTED = 30
const PAGE = 7

const listOf = async (subject: Subject, query = ''): Promise<string> =>
  shownApi(await askApi(subject, `/api/v1/torrents${query}`))

/** Announces these to a tracker that nobody else asks, the first by a seeder; answers them in order. */
async function announceAll(scene: Scene, at: Subject, count: number): Promise<string[]> {
  const hashes = Array.from({ length: count }, (_, n) => scene.hash(n))
  for (const [n, hash] of hashes.entries()) {
    await scene.http({ at }).announce({ info_hash: escaped(hash), left: n === 0 ? 0 : 1 })
  }
  return hashes.map((hash) => hash.toString('hex')).sort()
}

/** `GET /api/v1/torrents`. */
export const listing: Case = rule(
  '91h',
  '/api/v1/torrents lists torrents in the order of their info hashes',
  'Torrust',
  async (scene) => {
    const { subject } = await scene.setUp('quiet')
    const hexes = await announceAll(scene, subject, 4)
    const seeded = scene.hash(0).toString('hex')
    const bodyOf = (hex: string) => {
      const seeders = Number(hex === seeded)
      return { info_hash: hex, seeders, completed: 0, leechers: 1 - seeders }
    }
    expectThat(await listOf(subject), JSON.stringify(hexes.map(bodyOf)))
    expectThat(await listOf(subject, '?offset=1&limit=2'), JSON.stringify(hexes.slice(1, 3).map(bodyOf)), 'a page')
    const [first = '', , , last = ''] = hexes
    const asked = await listOf(subject, `?info_hash=${first}&info_hash=${last}`)
    expectThat(asked, JSON.stringify([first, last].map(bodyOf)), 'those that are named')
  },
)

/** Its pages, and what they are asked for. */
export const pages: Case = {
  ...rule(
    '93',
    'pages of the listing are stable under writes; limit and offset are held to bounds',
    'Torrust',
    async (scene) => {
      const { subject } = await scene.setUp('quiet')
      const hexes = await announceAll(scene, subject, LISTED)
      const told: string[] = []
      for (let offset = 0; offset < LISTED; offset += PAGE) {
        const page = JSON.parse(await listOf(subject, `?offset=${offset}&limit=${PAGE}`)) as { info_hash: string }[]
        told.push(...page.map(({ info_hash }) => info_hash))
        // Each gets another peer between two pages: what is listed is the same.
        for (let n = 0; n < LISTED; n++) {
          await scene.http({ at: subject }).announce({ info_hash: escaped(scene.hash(n)), port: 7100 + offset })
        }
      }
      const isSame = told.join() === hexes.join()
      expectThat(isSame ? 'each once, in order' : `${new Set(told).size} in ${told.length}`, 'each once, in order')
      expectThat(await listOf(subject, `?offset=${LISTED}`), '[]', 'past the end')
      for (const wrong of [
        'limit=-1',
        'limit=x',
        'limit=1000000',
        'limit=1.5',
        'offset=-1',
        'offset=x',
        'offset=1e9',
      ]) {
        expectThat(await listOf(subject, `?${wrong}`), 'HTTP 400', wrong)
      }
    },
  ),
  hashes: LISTED,
} as Case
