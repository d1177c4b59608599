import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, type TestContext } from 'vitest'
import { startTracker, type TestTracker, TOKEN } from '../../support/tracker.ts'
import { skipWithout } from '../skip.ts'
import { launchBrowser, missingBrowser } from './browser.ts'
import { type RedisProcess, startRedisProcess } from './redis-process.ts'

/** A token that may only read. */
export const READ_TOKEN = 'a-token-to-read'

/** A tracker, and a page of a browser that has nothing open yet. */
export type Scene = { page: Page; tracker: TestTracker; redis: RedisProcess; problems: string[] }

type Options = { settings?: Record<string, string>; browser?: BrowserContextOptions }

/** One browser and one Redis for all tests of a file; Redis is empty before each. */
export function useScenes() {
  let browser: Browser | undefined
  let redis: RedisProcess
  beforeAll(async () => {
    if (!missingBrowser()) browser = await launchBrowser()
    redis = await startRedisProcess()
  })
  beforeEach(async () => void (await redis.redis.flushall()))
  afterAll(async () => {
    await browser?.close()
    await redis?.stop()
  })

  /** Runs a test on a tracker of its own; the page must neither have failed nor asked for anything elsewhere. */
  return async (ctx: TestContext, options: Options, test: (scene: Scene) => Promise<void>): Promise<void> => {
    skipWithout(ctx, missingBrowser())
    const settings = { REDSWARM_API_TOKENS: `eyes:read:${READ_TOKEN}`, ...options.settings }
    const tracker = await startTracker(redis.url, { settings })
    const context = await (browser as Browser).newContext(options.browser ?? {})
    try {
      const page = await context.newPage()
      page.setDefaultTimeout(15_000)
      const problems = watch(page, tracker.apiUrl)
      await test({ page, tracker, redis, problems })
      expect(problems).toEqual([])
    } finally {
      await context.close()
      await tracker.stop()
    }
  }
}

/** What goes wrong in a page: errors, breaches of its policy, requests to others, tokens in URLs. */
function watch(page: Page, apiUrl: string): string[] {
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`))
  page.on('console', (message) => {
    // That the API refuses or does not answer, the browser tells as an error of its own; what the page makes of it is tested.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      problems.push(message.text())
  })
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(apiUrl)) problems.push(`asks for ${url}`)
    if (/token/.test(new URL(url).search)) problems.push(`a token is in ${url}`)
  })
  return problems
}

/** Opens the dashboard at a place, and gives it a token. */
export async function open({ page, tracker }: Scene, place = '', token = TOKEN): Promise<void> {
  await page.goto(`${tracker.apiUrl}/${place}`)
  await page.getByLabel('Token').fill(token)
  await page.getByRole('button', { name: 'Open the dashboard' }).click()
  await page.getByText('Live', { exact: true }).waitFor()
}

/** The figure of a name, as text. */
export const figureOf = (page: Page, name: string) =>
  page
    .locator('.figures > div')
    .filter({ has: page.getByText(name, { exact: true }) })
    .locator('dd')

/** Waits until a figure is what it should be. */
export const untilFigure = (page: Page, name: string, value: string) =>
  figureOf(page, name)
    .filter({ hasText: new RegExp(`^${value}$`) })
    .waitFor()
