import { describe, expect, it } from 'vitest'
import { announce } from '../../support/http-client.ts'
import { until } from '../../support/redis.ts'
import { hashOf } from '../../support/store.ts'
import { startTracker } from '../../support/tracker.ts'
import { open, READ_TOKEN, untilFigure, useScenes } from './scene.ts'

const A = hashOf('a').toString('hex')

describe('the dashboard, where something is away', () => {
  const scene = useScenes()

  it('says that Redis is away, whether it hangs or has ended, keeps what it shows, and goes on by itself', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker, redis } = scene
      await announce(tracker.httpUrl)
      await open(scene, `#/swarm/${A}`)
      const peer = page.getByRole('rowheader', { name: '127.0.0.1:6881' })
      await peer.waitFor()
      const banner = page.locator('.banner', { hasText: 'The tracker cannot reach its Redis' })
      redis.signal('SIGSTOP')
      await banner.waitFor()
      expect(await peer.isVisible()).toBe(true)
      redis.signal('SIGCONT')
      await banner.waitFor({ state: 'detached' })

      await page.getByRole('link', { name: 'Overview' }).click()
      await untilFigure(page, 'Leechers', '1')
      await redis.end()
      await banner.waitFor()
      await page.getByText('away', { exact: true }).waitFor()
      await untilFigure(page, 'Leechers', '1')
      // What is asked for meanwhile is told to have failed, and is there when Redis is.
      await page.getByRole('link', { name: 'Access' }).click()
      await page.getByText('Could not read the whitelist: the tracker cannot reach its Redis').waitFor()
      await redis.start()
      await banner.waitFor({ state: 'detached' })
      await page.getByText('No torrent is listed.').waitFor()
      await page.getByText('Could not read').first().waitFor({ state: 'detached' })
    }))

  it('shows nothing under a name that is not its own: neither the page before for the next one, nor another order', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, redis } = scene
      const hashes = Array.from({ length: 60 }, (_, i) => hashOf((0x100 + i).toString(16)).toString('hex'))
      for (const hex of hashes) await redis.redis.sadd(`whitelist:{${hex.slice(0, 3)}}`, hex)
      await open(scene, '#/access')
      await page.getByRole('rowheader', { name: hashes[0] as string }).waitFor()
      redis.signal('SIGSTOP')
      await page.getByRole('link', { name: 'Next' }).click()
      await page.getByText('Page 2').waitFor()
      await page.getByText('Could not read the whitelist').waitFor()
      expect(await page.getByRole('rowheader').count()).toBe(0)
      redis.signal('SIGCONT')
      await page.getByRole('rowheader', { name: hashes[59] as string }).waitFor()
    }))

  it('says that Redis answers where only something in it is damaged, with all in its place', (ctx) =>
    scene(ctx, { browser: { viewport: { width: 1280, height: 800 } } }, async (scene) => {
      const { page, redis } = scene
      await open(scene)
      const header = page.getByRole('banner')
      const { height } = (await header.boundingBox()) ?? {}
      await redis.redis.hset('stats', 'udp4_announces', 'many')
      await page.locator('.banner', { hasText: 'The count udp4_announces in Redis is damaged' }).waitFor()
      await page.getByText('Live in part').waitFor()
      await page.getByText('answers', { exact: true }).waitFor()
      expect((await header.boundingBox())?.height).toBe(height)
      await redis.redis.hset('stats', 'udp4_announces', '0')
      await page.getByText('Live', { exact: true }).waitFor()
    }))

  it('says that the API does not answer, and goes on when it was started anew', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker, redis } = scene
      await open(scene, '#/access')
      await page.getByText('All torrents are served').waitFor()
      await tracker.stop()
      await page.getByText('Not connected').waitFor()
      await page.getByText('shown is what was told last').waitFor()
      const settings = {
        REDSWARM_API_LISTEN: tracker.apiUrl.replace('http://', ''),
        REDSWARM_API_TOKENS: `eyes:read:${READ_TOKEN}`,
        REDSWARM_LISTED: 'true',
      }
      const again = await startTracker(redis.url, { settings })
      try {
        await page.getByText('Live', { exact: true }).waitFor()
        // It is set otherwise now.
        await page.getByText('Only the torrents on this list are served.').waitFor()
        expect(await page.getByText('what was told last').count()).toBe(0)
      } finally {
        await again.stop()
      }
    }))

  it('asks for a token again where the API takes another one now', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker, redis } = scene
      await open(scene)
      await tracker.stop()
      await page.getByText('Not connected').waitFor()
      const settings = {
        REDSWARM_API_LISTEN: tracker.apiUrl.replace('http://', ''),
        REDSWARM_API_TOKEN: 'another-token',
      }
      const again = await startTracker(redis.url, { settings })
      try {
        await page.getByText('The token is not valid any more.').waitFor()
        await page.getByLabel('Token').fill('another-token')
        await page.keyboard.press('Enter')
        await page.getByText('Live', { exact: true }).waitFor()
      } finally {
        await again.stop()
      }
    }))

  it('shows a process that was killed as silent', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, redis } = scene
      await open(scene, '#/processes')
      await page.getByRole('row', { name: /udp, http, api up for/ }).waitFor()
      const [told = ''] = await redis.redis.hvals('instances')
      const silent = { ...JSON.parse(told), id: 'killed', roles: ['sweeper'], at: JSON.parse(told).at - 60 }
      await redis.redis.hset('instances', 'killed', JSON.stringify(silent))
      await page.getByRole('row', { name: /sweeper silent for 1 min/ }).waitFor()
      await page.getByRole('link', { name: 'Overview' }).click()
      await page.getByText('1 silent').waitFor()
      await until('the process to be forgotten', async () => (await redis.redis.hdel('instances', 'killed')) === 1)
      await page.getByText('1 silent').waitFor({ state: 'detached' })
    }))
})
