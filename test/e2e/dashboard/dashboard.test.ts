import { describe, expect, it } from 'vitest'
import { makeReport } from '../../../lib/wire/announce.ts'
import { announce } from '../../support/http-client.ts'
import { until } from '../../support/redis.ts'
import { hashOf } from '../../support/store.ts'
import { TOKEN } from '../../support/tracker.ts'
import { UdpClient } from '../../support/udp-client.ts'
import { figureOf, open, untilFigure, useScenes } from './scene.ts'

const A = hashOf('a').toString('hex')
const HOSTILE = '<img src=x onerror='

describe('the dashboard', () => {
  const scene = useScenes()

  it('opens every view without an error, and asks nobody but its tracker', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker } = scene
      await announce(tracker.httpUrl)
      await open(scene)
      for (const name of ['Torrents', 'Processes', 'Access', 'Events', 'Overview']) {
        await page.getByRole('link', { name, exact: true }).click()
        await page.getByRole('heading', { level: 1, name }).waitFor()
        expect(await page.title()).toBe(`${name} · Redswarm`)
        await page.getByText('Reading').first().waitFor({ state: 'detached' })
        expect(await page.getByText('Could not read').count()).toBe(0)
      }
    }))

  it('says where there is nothing at an address', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker } = scene
      await open(scene)
      for (const place of ['nowhere', 'swarm/abc', 'constructor']) {
        await page.goto(`${tracker.apiUrl}/#/${place}`)
        await page.getByRole('heading', { level: 1, name: 'Nothing here' }).waitFor()
        await page.getByText('There is nothing at this address.').waitFor()
      }
    }))

  it('says that a token is wrong, opens with the right one, keeps it in the tab, and forgets it', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker } = scene
      await page.goto(`${tracker.apiUrl}/#/processes`)
      await page.getByLabel('Token').fill('wrong-token')
      await page.keyboard.press('Enter')
      expect(await page.getByRole('alert').filter({ hasText: 'not valid' }).textContent()).toBe(
        'The token is not valid.',
      )
      await page.getByLabel('Token').fill(TOKEN)
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { level: 1, name: 'Processes' }).waitFor()
      await page.reload()
      await page.getByRole('heading', { level: 1, name: 'Processes' }).waitFor()
      const stored = () => page.evaluate(() => [sessionStorage.length, localStorage.length])
      expect(await stored()).toEqual([1, 0])
      await page.getByRole('button', { name: 'Forget token' }).click()
      await page.getByLabel('Token').waitFor()
      expect(await stored()).toEqual([0, 0])
      await page.getByLabel('Remember it').check()
      await page.getByLabel('Token').fill(TOKEN)
      await page.keyboard.press('Enter')
      await page.getByText('Live', { exact: true }).waitFor()
      expect(await stored()).toEqual([0, 1])
      expect(page.url()).not.toContain(TOKEN)
    }))

  it('opens in a browser that lets no site keep anything', (ctx) =>
    scene(ctx, {}, async (scene) => {
      await scene.page.addInitScript(() => {
        for (const name of ['sessionStorage', 'localStorage']) {
          Object.defineProperty(window, name, {
            get() {
              throw new DOMException('Access is denied for this document.', 'SecurityError')
            },
          })
        }
      })
      await open(scene)
      await scene.page.getByRole('button', { name: 'Forget token' }).click()
      await scene.page.getByLabel('Token').waitFor()
    }))

  it('shows figures that change as peers announce, over HTTP and over UDP', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker } = scene
      await open(scene)
      await untilFigure(page, 'Torrents', '0')
      await page.getByText('Nothing has happened yet.').waitFor()
      const udp = await UdpClient.open(tracker.udpPort)
      await udp.connect()
      const report = makeReport(Buffer.from('-RS0001-abcdefghijkl'), 0n, 0n, 0n)
      await udp.ask(udp.announceRequest({ infoHash: hashOf('a'), report, port: 1 }))
      udp.close()
      for (let port = 2; port < 30; port++) await announce(tracker.httpUrl, { port })
      await page.getByRole('link', { name: A }).first().waitFor()
      const rowOf = (name: string) => page.getByRole('row', { name: new RegExp(`^${name} `) })
      await rowOf('HTTP, IPv4')
        .getByText(/^[1-9]/)
        .waitFor()
      await rowOf('UDP, IPv4')
        .getByText(/^0\.\d$/)
        .first()
        .waitFor()
      expect(await figureOf(page, 'Requests a second').textContent()).not.toBe('0')
      // Totals are read every 10 s.
      await untilFigure(page, 'Seeders', '1')
      await untilFigure(page, 'Leechers', '28')
      expect(await page.getByRole('img', { name: /^Requests a second in the last 5 minutes: connects/ }).count()).toBe(
        1,
      )
    }))

  it('finds a swarm by its info hash, or by its beginning, and shows its peers', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker } = scene
      await announce(tracker.httpUrl, {
        peer_id: '-qB5030-abcdefghijkl',
        left: 0,
        uploaded: 3 * 2 ** 30,
        event: 'completed',
      })
      await announce(tracker.httpUrl, {
        peer_id: encodeURIComponent(`${HOSTILE}alert`.slice(0, 20).padEnd(20, '1')),
        port: 7000,
        left: 2048,
      })
      await open(scene)
      const search = async (text: string) => {
        await page.getByRole('search').getByRole('textbox').fill(text)
        await page.keyboard.press('Enter')
      }
      await search('no hash')
      await page.getByText('An info hash has hex digits').waitFor()
      await search('a0')
      await page.getByRole('link', { name: A }).click()
      await page.getByRole('heading', { level: 1, name: `Swarm ${A}` }).waitFor()
      const peers = page.getByRole('table', { name: 'Peers of the swarm' })
      const seeder = peers.getByRole('row', { name: /127\.0\.0\.1:6881/ })
      expect(await seeder.getByRole('cell').allTextContents()).toMatchObject({
        0: 'seeder',
        1: 'qBittorrent',
        3: '0 B',
        4: '3 GiB',
        5: '0 B',
        6: '-qB5030-abcdefghijkl',
      })
      // What peers say of themselves is text.
      await peers.getByText('<img').waitFor()
      expect(await peers.locator('img').count()).toBe(0)
      await search(` ${A.toUpperCase()} `)
      await untilFigure(page, 'Completed', '1')
      // The hash of a v2 torrent is cut to what trackers have of it.
      await search(`magnet:?xt=urn:btmh:1220${'c'.repeat(64)}&dn=x`)
      await page.getByRole('heading', { level: 1, name: `Swarm ${'c'.repeat(40)}`, exact: true }).waitFor()
      await search('b'.repeat(40))
      await page
        .getByText(`no torrent ${'b'.repeat(40)} is known`)
        .first()
        .waitFor()
    }))

  it('keeps what is typed, and the focus, while figures change', (ctx) =>
    scene(ctx, {}, async (scene) => {
      const { page, tracker } = scene
      await open(scene)
      await page.getByRole('search').getByRole('textbox').pressSequentially('abc')
      const shown = () => figureOf(page, 'Requests a second').textContent()
      const before = await shown()
      await until(
        'the figures to change',
        async () => {
          await announce(tracker.httpUrl)
          return (await shown()) !== before
        },
        15_000,
      )
      expect(await page.locator(':focus').inputValue()).toBe('abc')
    }))
})
