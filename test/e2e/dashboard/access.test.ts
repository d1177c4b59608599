import { describe, expect, it } from 'vitest'
import { announce } from '../../support/http-client.ts'
import { until } from '../../support/redis.ts'
import { hashOf } from '../../support/store.ts'
import { open, READ_TOKEN, useScenes } from './scene.ts'

const A = hashOf('a').toString('hex')
const KEY = 'k'.repeat(32)

describe('the access lists on the dashboard', () => {
  const scene = useScenes()

  it('list a torrent and take it off again, asked first, and effective with the next announce', (ctx) =>
    scene(ctx, { settings: { REDSWARM_LISTED: 'true' } }, async (scene) => {
      const { page, tracker } = scene
      const answer = () => announce(tracker.httpUrl)
      await open(scene, '#/access')
      await page.getByText('No torrent is listed.').waitFor()
      await page.getByLabel('Info hash to list').fill(A)
      await page.getByRole('button', { name: 'List it' }).click()
      await page.getByText(`${A} is on the whitelist.`).waitFor()
      await page.getByRole('rowheader', { name: A }).waitFor()
      expect(await answer()).toMatchObject({ incomplete: 1 })

      const takeOff = page.getByRole('button', { name: `Take off … the list: ${A}` })
      await takeOff.click()
      const dialog = page.getByRole('dialog', { name: 'Take this torrent off the whitelist?' })
      expect(await dialog.textContent()).toContain('It can be listed again at any time')
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      expect(await takeOff.evaluate((button) => button === document.activeElement)).toBe(true)
      expect(await answer()).toMatchObject({ incomplete: 1 })

      await takeOff.click()
      await dialog.getByRole('button', { name: 'Take it off' }).click()
      await page.getByText(`${A} is off the whitelist.`).waitFor()
      await page.getByText('No torrent is listed.').waitFor()
      expect((await answer())['failure reason']).toContain('not registered')
      // The button that had the focus has gone with its row.
      await until('the focus to be on the heading', () =>
        page.locator('h2:focus', { hasText: 'Whitelist' }).isVisible(),
      )

      await page.getByRole('button', { name: 'List it again' }).click()
      await page.getByRole('rowheader', { name: A }).waitFor()
      expect(await answer()).toMatchObject({ incomplete: 1 })
      await page.getByRole('link', { name: A }).click()
      await page.getByText('This torrent is on the whitelist.').waitFor()
    }))

  it('add a key, show it in full when asked, remove it, and put it back as it was', (ctx) =>
    scene(ctx, { settings: { REDSWARM_PRIVATE: 'true' } }, async (scene) => {
      const { page, redis } = scene
      await open(scene, '#/access')
      await page.getByText('There are no keys.').waitFor()
      await page.getByLabel('Key', { exact: true }).fill('too short')
      await page.getByRole('button', { name: 'Add a key' }).click()
      await page.getByText('A key is 32 letters and digits').waitFor()
      await page.getByLabel('Key', { exact: true }).fill(KEY)
      await page.getByLabel('Valid for days').fill('30')
      await page.getByRole('button', { name: 'Add a key' }).click()
      const row = page.getByRole('row', { name: /kkkkkk…/ })
      await row.waitFor()
      expect(await row.textContent()).toMatch(/for another (30 d 0|29 d 23) h/)
      const until30 = await redis.redis.hget('keys', KEY)
      await row.getByRole('button', { name: 'Show what was moved with the key kkkkkk…' }).click()
      await row.getByText('0 B up, 0 B down').waitFor()
      await page.getByLabel('Show the keys in full').check()
      await page.getByRole('rowheader', { name: KEY }).waitFor()

      await page.getByRole('button', { name: 'Remove … the key kkkkkk…' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Remove it' }).click()
      await page.getByText('The key kkkkkk… is removed.').waitFor()
      expect(await redis.redis.hexists('keys', KEY)).toBe(0)
      await page.getByRole('button', { name: 'Put it back' }).click()
      await page.getByText('The key kkkkkk… is back').waitFor()
      expect(Math.abs(Number(await redis.redis.hget('keys', KEY)) - Number(until30))).toBeLessThan(10)
    }))

  it('show no controls to a token that may only read, and no keys', (ctx) =>
    scene(ctx, { settings: { REDSWARM_LISTED: 'true', REDSWARM_PRIVATE: 'true' } }, async (scene) => {
      const { page, tracker, redis } = scene
      await redis.redis.sadd(`whitelist:{${A.slice(0, 3)}}`, A)
      await redis.redis.hset('keys', KEY, '0')
      await announce(tracker.httpUrl).catch(() => {})
      await open(scene, '#/access', READ_TOKEN)
      await page.getByRole('rowheader', { name: A }).waitFor()
      await page.getByText('Keys are secrets').waitFor()
      await page.getByText('eyes, reads only').waitFor()
      const main = page.getByRole('main')
      expect([await main.getByRole('button').count(), await main.getByRole('textbox').count()]).toEqual([0, 0])
      expect(await page.content()).not.toContain(KEY)
      await page.goto(`${tracker.apiUrl}/#/swarm/${A}`)
      await page.getByText('This torrent is on the whitelist.').waitFor()
      expect(await main.getByRole('button').count()).toBe(0)
    }))
})
