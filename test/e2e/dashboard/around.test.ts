import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page, Request } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { announceOf, hashOf, storeOn } from '../../support/store.ts'
import { open, type Scene, useScenes } from './scene.ts'

/** A proxy that serves another server below a path, until it is closed. */
async function proxyBelow(path: string, to: string) {
  const server = createServer((asked, answer) => {
    const { method, headers, url = '' } = asked
    if (!url.startsWith(path)) return void answer.writeHead(404).end()
    const passed = request(`${to}/${url.slice(path.length)}`, { method, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers)
      reply.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    answer.on('close', () => passed.destroy())
    asked.pipe(passed)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, close: () => server.close() }
}

/** Has the page take itself for hidden, or for shown again, as behind another tab. */
const hide = (page: Page, isHidden: boolean) =>
  page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { value, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  }, isHidden)

const isLive = (request: Request) => request.url().endsWith('/api/v2/live')

describe('the dashboard', () => {
  const scene = useScenes()

  it('works below a path of a proxy', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker, problems } = scene
      const proxy = await proxyBelow('/tracker/', tracker.apiUrl)
      try {
        const below: Scene = { ...scene, tracker: { ...tracker, apiUrl: proxy.url.replace(/\/$/, '') } }
        await open(below, '#/access')
        await page.getByText('No torrent is listed.').waitFor()
        const link = page.getByRole('link', { name: 'REST API' })
        expect(await link.evaluate((element) => (element as HTMLAnchorElement).href)).toBe(`${proxy.url}api/docs`)
        expect(problems.splice(0).filter((problem) => !problem.startsWith(`asks for ${proxy.url}`))).toEqual([])
      } finally {
        proxy.close()
      }
    }))

  it('asks for nothing while it is hidden, and goes on when it is looked at, with the rates of meanwhile', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page } = scene
      await open(scene)
      const ended = page.waitForEvent('requestfailed', isLive)
      await hide(page, true)
      await ended
      const asked = page.waitForEvent('request', isLive)
      await hide(page, false)
      await asked
      await page.getByText('Live', { exact: true }).waitFor()
    }))

  it('asks for nothing but whose token it has where it is opened behind another tab', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page } = scene
      await open(scene, '#/access')
      const asked: string[] = []
      page.on('request', (request) => asked.push(new URL(request.url()).pathname))
      await page.addInitScript(() => Object.defineProperty(document, 'hidden', { value: true, configurable: true }))
      await page.reload()
      await page.getByText('Reading the whitelist').waitFor()
      await page.waitForTimeout(500)
      expect(asked.filter((path) => path.startsWith('/api/'))).toEqual(['/api/v2/tracker'])
      await hide(page, false)
      await page.getByText('Live', { exact: true }).waitFor()
      await page.getByText('No torrent is listed.').waitFor()
    }))

  it('pages back through the events, and shows what is new by itself', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, redis } = scene
      const { announce } = storeOn(redis.redis, { eventsMax: 1000 })
      const hashes = Array.from({ length: 120 }, (_, i) => hashOf((0x100 + i).toString(16)))
      await announce(hashes.map((infoHash) => announceOf({ infoHash })))
      await open(scene, '#/events')
      const links = page.getByRole('main').locator('.events a')
      await links.nth(49).waitFor()
      expect(await links.first().textContent()).toBe(hashes[119]?.toString('hex'))
      await announce([announceOf({ infoHash: hashOf('f') })])
      await links.filter({ hasText: /^f0/ }).waitFor()
      for (const text of ['Page 2', 'Page 3']) {
        await page.getByRole('link', { name: 'Next' }).click()
        await page.getByText(text).waitFor()
      }
      await page.getByRole('link', { name: hashes[0]?.toString('hex') as string }).waitFor()
    }))
})
