import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

/** Where distributions put it. */
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const place = (): string | undefined => PLACES.find((path) => existsSync(path))

/** Why there is no browser here; undefined where there is one. */
export const missingBrowser = (): string | undefined =>
  place() ? undefined : 'no Chromium is here (Debian: apt-get install chromium)'

/** A browser without a window. It asks nobody but the tracker: what browsers ask their makers is off. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: place() ?? 'chromium',
    args: ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
  })
