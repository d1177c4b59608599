import { type Case, expectThat, type RunnableCase, rule } from '../case.ts'
import type { UdpPeer } from '../client/udp.ts'
import type { Scene } from '../scene.ts'

const NONE = '0/0/0'
const KNOWN = '0/1/0'

/** A peer of the tracker, after it has announced itself to the scene's first torrent. */
async function announced(scene: Scene): Promise<UdpPeer> {
  const peer = await scene.udp()
  await peer.announce({ infoHash: scene.hash() })
  return peer
}

/** As many info hashes as these are scraped, the known one last; as many counts come back, in order. */
const scraping =
  (...sizes: number[]): RunnableCase['run'] =>
  async (scene) => {
    const peer = await announced(scene)
    for (const size of sizes) {
      const asked = Array.from({ length: size }, (_, i) => scene.hash(size - 1 - i))
      const told = (await peer.scrape(...asked)).split(' ')
      expectThat(`${told.length} entries`, `${size} entries`, `of ${size}`)
      const expected = [...Array.from({ length: size - 1 }, () => NONE), KNOWN]
      expectThat(told.join() === expected.join() ? 'in order' : 'out of order', 'in order', `of ${size}`)
    }
  }

/** Scrapes over UDP. */
export const udpScrape: Case[] = [
  rule('22', 'a scrape of no info hash gets an error, never all torrents', 'BEP 15', async (scene) => {
    const peer = await announced(scene)
    expectThat(await peer.scrape(), /^error: /)
  }),
  { ...rule('23', 'scrapes of 1, 2 and 74 torrents are answered in order', 'BEP 15', scraping(1, 2, 74)), hashes: 74 },
  {
    ...rule('24', 'of 75 torrents, the first 74 are answered', 'BEP 15, Torrust', async (scene) => {
      const peer = await announced(scene)
      const told = (await peer.scrape(...Array.from({ length: 75 }, (_, i) => scene.hash(i)))).split(' ')
      expectThat(`${told.length} entries, ${told[0]} first`, `74 entries, ${KNOWN} first`)
    }),
    hashes: 75,
  },
  rule('25', 'doubles and torrents that are unknown keep their places', 'BEP 15', async (scene) => {
    const peer = await announced(scene)
    await peer.announce({ infoHash: scene.hash(1) })
    await peer.announce({ infoHash: scene.hash(1), port: 7002 })
    const asked = [scene.hash(), scene.hash(1), scene.hash(2), scene.hash()]
    expectThat(await peer.scrape(...asked), [KNOWN, '0/2/0', NONE, KNOWN].join(' '))
  }),
  rule('26', '7 stray bytes after an info hash are passed over', 'BEP 15', async (scene) => {
    const peer = await announced(scene)
    expectThat(await peer.scrape(scene.hash(), Buffer.alloc(7)), KNOWN)
  }),
  rule('26b', 'a scrape of 35 bytes, of 19 of an info hash, gets an error', 'BEP 15', async (scene) => {
    const peer = await announced(scene)
    expectThat(await peer.scrape(scene.hash().subarray(0, 19)), /^error: /)
  }),
]
