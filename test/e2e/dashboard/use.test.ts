import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { makeKeys } from '../../../lib/store/keys.ts'
import { writeRanks } from '../../../lib/store/ranks.ts'
import { announce } from '../../support/http-client.ts'
import { announceOf, at, hashOf, storeOn } from '../../support/store.ts'
import { TOKEN } from '../../support/tracker.ts'
import { open, type Scene, useScenes } from './scene.ts'

const A = hashOf('a').toString('hex')
const VIEWS = [
  '#/overview',
  '#/torrents?by=info_hash',
  `#/swarm/${A}`,
  '#/processes',
  '#/access',
  '#/events',
  '#/nowhere',
]
/** Deque's rules: names, roles, contrast, tables, headings, landmarks. */
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** A little of everything that a view can show. */
async function fill({ tracker, redis }: Scene): Promise<void> {
  await announce(tracker.httpUrl, { left: 0 })
  await announce(tracker.httpUrl, { port: 7000, peer_id: '-qB5030-abcdefghijkl' })
  await redis.redis.sadd(`whitelist:{${A.slice(0, 3)}}`, A)
  await redis.redis.hset('keys', 'k'.repeat(32), '0')
}

async function goTo(page: Page, apiUrl: string, place: string): Promise<void> {
  await page.goto(`${apiUrl}/${place}`)
  await page.getByText('Reading').first().waitFor({ state: 'detached' })
}

/** What breaks a rule, as rule and element. */
async function breaches(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  return await page.evaluate(async () => {
    const axe = (window as unknown as { axe: typeof import('axe-core') }).axe
    const { violations } = await axe.run(document, { resultTypes: ['violations'] })
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`))
  })
}

describe('the dashboard is of use', () => {
  const scene = useScenes()

  it.for(['light', 'dark'] as const)('to those who see little or hear it, on a %s screen', (colorScheme, ctx) =>
    scene(ctx, { browser: { colorScheme, viewport: { width: 1200, height: 900 } } }, async (scene) => {
      const { page, tracker } = scene
      await fill(scene)
      await page.goto(tracker.apiUrl)
      await page.getByLabel('Token').waitFor()
      expect(await breaches(page)).toEqual([])
      await open(scene)
      for (const view of VIEWS) {
        await goTo(page, tracker.apiUrl, view)
        expect(await breaches(page), view).toEqual([])
      }
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      const [red = 0] = (ground.match(/\d+/g) ?? []).map(Number)
      expect(red < 128).toBe(colorScheme === 'dark')
      await goTo(page, tracker.apiUrl, '#/access')
      await page.getByRole('button', { name: `Take off … the list: ${A}` }).click()
      expect(await breaches(page)).toEqual([])
    }),
  )

  it('on a phone: no view is wider than the screen, and tables stay tables', (ctx) =>
    scene(
      ctx,
      { browser: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true } },
      async (scene) => {
        const { page, tracker } = scene
        await fill(scene)
        await open(scene)
        for (const view of VIEWS) {
          await goTo(page, tracker.apiUrl, view)
          const { scrolled, width } = await page.evaluate(() => ({
            scrolled: document.documentElement.scrollWidth,
            width: document.documentElement.clientWidth,
          }))
          expect([view, scrolled, width]).toEqual([view, 360, 360])
          expect(await breaches(page), view).toEqual([])
        }
        const links = page.getByRole('navigation', { name: 'Dashboard' }).getByRole('link')
        const tops = await links.evaluateAll((all) => all.map((link) => link.getBoundingClientRect().top))
        expect([tops.length, new Set(tops).size]).toEqual([5, 1])
        await goTo(page, tracker.apiUrl, `#/swarm/${A}`)
        const row = page.getByRole('table', { name: 'Peers of the swarm' }).getByRole('row', { name: /:7000/ })
        expect(await row.getByRole('cell').count()).toBe(7)
      },
    ))

  it('with a keyboard alone', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker } = scene
      await fill(scene)
      await page.goto(tracker.apiUrl)
      await page.locator('input[name=token]:focus').waitFor()
      await page.keyboard.type(TOKEN)
      await page.keyboard.press('Enter')
      await page.locator('h1:focus', { hasText: 'Overview' }).waitFor()
      const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '')
      const tabTo = async (text: string, key = 'Tab') => {
        for (let presses = 0; presses < 40; presses++) {
          await page.keyboard.press(key)
          if ((await focused()) === text) return
        }
        throw new Error(`${text} is not reached`)
      }
      // Back from the heading, all that is at hand is before it.
      await tabTo('Skip to the content', 'Shift+Tab')
      expect(await page.getByRole('button', { name: 'Skip to the content' }).boundingBox()).toMatchObject({ y: 8 })
      await tabTo('Torrents')
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)
      expect(outline).toBe('solid')
      await page.keyboard.press('Enter')
      await page.locator('h1:focus', { hasText: 'Torrents' }).waitFor()
      await tabTo('Info hash')
      await page.keyboard.press('Enter')
      await page.getByRole('link', { name: A }).waitFor()
      await tabTo(A)
      await page.keyboard.press('Enter')
      await page.locator('h1:focus', { hasText: A }).waitFor()
      await page.getByText('This torrent is on the whitelist.').waitFor()
      await tabTo('Take it off …')
      await page.keyboard.press('Enter')
      await page.locator('dialog button:focus', { hasText: 'Leave it' }).waitFor()
      await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await page.getByText(`${A} is off the whitelist.`).waitFor()
      await tabTo('Close', 'Shift+Tab')
      await page.keyboard.press('Enter')
      await page.getByText(`${A} is off the whitelist.`).waitFor({ state: 'detached' })
    }))

  it('with 10,000 ranked torrents and 100,000 peers of one: by pages, there and back', { timeout: 120_000 }, (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker, redis } = scene
      const { announce: announceAll } = storeOn(redis.redis)
      const hashes = Array.from({ length: 10_000 }, (_, i) => hashOf((0x10000 + i * 7).toString(16)))
      for (let i = 0; i < hashes.length; i += 1000) {
        await announceAll(hashes.slice(i, i + 1000).map((infoHash) => announceOf({ infoHash })))
      }
      const ranks = hashes.map((hash, i) => ({ hex: hash.toString('hex'), score: 20_000 - i }))
      await writeRanks(redis.redis, makeKeys(''), 'leechers', ranks)
      for (let i = 0; i < 100_000; i += 1000) {
        const endpoints = Array.from({ length: 1000 }, (_, j) =>
          at(`10.${(i + j) >> 16}.${((i + j) >> 8) & 255}.${(i + j) & 255}`),
        )
        await announceAll(endpoints.map((endpoint) => announceOf({ endpoint })))
      }
      await open(scene, '#/torrents?by=leechers')
      const pages = page.getByRole('navigation', { name: 'Pages of torrents' })
      const firstRank = page.locator('tbody td').first()
      await page.getByText('The best 10,000').waitFor()
      for (const rank of ['51', '101', '151']) {
        await pages.getByRole('link', { name: 'Next' }).click()
        await firstRank.filter({ hasText: rank }).waitFor()
      }
      // The link that was followed still has the focus, and the place can be told to others.
      expect(await page.locator(':focus').textContent()).toBe('Next')
      await page.reload()
      await firstRank.filter({ hasText: '151' }).waitFor()
      await page.goBack()
      await firstRank.filter({ hasText: '101' }).waitFor()
      await pages.getByRole('link', { name: 'First' }).click()
      await firstRank.filter({ hasText: /^1$/ }).waitFor()
      await pages.getByRole('link', { name: 'Next' }).click()
      await firstRank.filter({ hasText: '51' }).waitFor()
      await pages.getByRole('link', { name: 'Previous' }).click()
      await firstRank.filter({ hasText: /^1$/ }).waitFor()

      await page.goto(`${tracker.apiUrl}/#/swarm/${A}`)
      await page.getByText('100,000').waitFor()
      const peers = page.getByRole('rowheader')
      const seen = new Set(await peers.allTextContents())
      await page.getByRole('navigation', { name: 'Pages of peers' }).getByRole('link', { name: 'Next' }).click()
      await page.getByText('Page 2').waitFor()
      await page.locator('.loading').waitFor({ state: 'detached' })
      for (const peer of await peers.allTextContents()) seen.add(peer)
      expect(seen.size).toBe(200)
    }),
  )
})
