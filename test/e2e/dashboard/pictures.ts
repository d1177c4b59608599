// Makes the pictures of docs/dashboard.md: `npm run docs:pictures`. A tracker runs as processes of its own, under a load of
// `redswarm load`, and a browser shows its dashboard. `--seconds 20` makes them sooner, of a chart that has just begun.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { announce } from '../../support/http-client.ts'
import { type Program, withProgram } from '../../support/program.ts'
import { startRedis, type TestRedis, until } from '../../support/redis.ts'
import { startLoad } from '../load.ts'
import { launchBrowser, missingBrowser } from './browser.ts'
import { PICTURED_HASH, picturedPeers } from './pictured-peers.ts'

const FOLDER = join(import.meta.dirname, '../../../docs/pictures')
const TOKEN = 'a-token-for-pictures'
/** As much as the chart shows, nearly. */
const SECONDS_DEFAULT = 285
/** By then there are torrents to rank. */
const FILLED_MS = 8000
/** A ranking is made when the sweeper starts: it walks all shards that have torrents, and rests after each. */
const RANKED_MS_MAX = 120_000

const DESKTOP = { width: 1180, height: 760 }
const PHONE = { width: 360, height: 740 }
const PICTURES: { name: string; path: string; options: BrowserContextOptions }[] = [
  { name: 'dashboard-light', path: '', options: { viewport: DESKTOP } },
  { name: 'dashboard-dark', path: '', options: { viewport: DESKTOP, colorScheme: 'dark' } },
  { name: 'dashboard-swarm', path: `#/swarm/${PICTURED_HASH}`, options: { viewport: { width: 1240, height: 620 } } },
  { name: 'dashboard-phone', path: '', options: { viewport: PHONE, isMobile: true, deviceScaleFactor: 1.5 } },
]

async function announceAll(httpUrl: string): Promise<void> {
  for (const { address, ...peer } of picturedPeers())
    await announce(httpUrl, peer, undefined, { 'x-forwarded-for': address })
}

async function take(browser: Browser, url: string, { name, path, options }: (typeof PICTURES)[number]): Promise<void> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  await open(page, `${url}/${path}`)
  await page.screenshot({ path: join(FOLDER, `${name}.png`) })
  await context.close()
}

async function open(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.getByLabel('Token').fill(TOKEN)
  await page.getByRole('button', { name: 'Open the dashboard' }).click()
  await page.getByText('Live', { exact: true }).waitFor()
  await page.getByText('Reading').first().waitFor({ state: 'detached' })
  // A snapshot or two, so that rates are there.
  await sleep(2500)
  // What has the focus since the token was asked for would be drawn with its ring.
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
}

type Scene = { seconds: number; redis: TestRedis; env: Record<string, string> } & Record<
  'udp' | 'http' | 'api',
  Program
>

async function run({ seconds, redis, env, udp, http, api }: Scene): Promise<void> {
  const port = (await udp.serving()).udp[0]?.port
  const httpUrl = `http://127.0.0.1:${(await http.serving()).http[0]?.port}`
  const apiUrl = `http://127.0.0.1:${(await api.serving()).api[0]?.port}`
  await announceAll(httpUrl)
  await call(apiUrl, 'POST', '/api/v1/keys', { seconds_valid: 30 * 86_400 })
  await call(apiUrl, 'POST', `/api/v1/whitelist/${PICTURED_HASH}`)
  const loads = [startLoad('udp', `udp://127.0.0.1:${port}`, 2400), startLoad('http', `${httpUrl}/announce`, 320)]
  await sleep(FILLED_MS)
  // One reader has the rates kept.
  const reader = await fetch(`${apiUrl}/api/v2/live`, { headers: { authorization: `Bearer ${TOKEN}` } })
  await withProgram(['sweeper'], env, async () => {
    await sleep(300 * seconds)
    const more = startLoad('udp', `udp://127.0.0.1:${port}`, 1500, '--seed', '2', '--no-fill')
    await sleep(300 * seconds)
    more.kill('SIGINT')
    await sleep(400 * seconds)
    await until('the ranking', async () => (await redis.redis.exists('ranks:{seeders}')) === 1, RANKED_MS_MAX)
    await announceAll(httpUrl)
    const browser = await launchBrowser()
    for (const picture of PICTURES) await take(browser, apiUrl, picture)
    await browser.close()
  })
  await reader.body?.cancel()
  for (const load of loads) load.kill('SIGINT')
}

async function call(apiUrl: string, method: string, path: string, body?: unknown): Promise<void> {
  const headers = {
    authorization: `Bearer ${TOKEN}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
  }
  await fetch(apiUrl + path, { method, headers, body: body === undefined ? null : JSON.stringify(body) })
}

async function main(): Promise<void> {
  const missing = missingBrowser()
  if (missing) throw new Error(missing)
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: String(SECONDS_DEFAULT) } } })
  await mkdir(FOLDER, { recursive: true })
  const redis = await startRedis('--maxmemory', '256mb', '--appendonly', 'yes')
  const env = {
    REDSWARM_REDIS_URL: redis.url,
    REDSWARM_API_TOKEN: TOKEN,
    REDSWARM_TRUSTED_PROXIES: '127.0.0.1',
  }
  try {
    await withProgram(['udp'], env, (udp) =>
      withProgram(['http'], env, (http) =>
        withProgram(['api'], env, (api) => run({ seconds: Number(values.seconds), redis, env, udp, http, api })),
      ),
    )
  } finally {
    await redis.stop()
  }
}

await main()
