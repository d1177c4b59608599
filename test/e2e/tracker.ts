import { join } from 'node:path'
import bencode from 'bencode'
import { expect } from 'vitest'
import { settingsSchema } from '../../lib/config/schema.ts'
import { freePort } from '../support/free-port.ts'
import { type Child, startChild } from './process.ts'
import { makeTempFolder } from './temp-folder.ts'
import { waitFor } from './wait.ts'

const ENTRY = join(import.meta.dirname, '../../services/cli/redswarm.mjs')
const HOST = '127.0.0.1'
/** A private Redis and the services start within two seconds, in four when five trackers start at once. */
const START_MS_MAX = 30_000
/** The tracker answers what is in flight and exits within 10 s of SIGTERM. */
const STOP_MS_MAX = 12_000

export type Protocol = 'udp' | 'http'

/** A tracker that serves. */
export interface Tracker {
  readonly announceUrl: Readonly<Record<Protocol, string>>
  /** What an HTTP scrape says of a torrent. */
  scrape(infoHash: Buffer): Promise<Counts>
}

/** Counts of a swarm, as a scrape tells them (BEP 48). */
export interface Counts {
  readonly complete: number
  readonly incomplete: number
  readonly downloaded: number
}

/** Runs the whole tracker, as `npm start` does, for as long as `use` takes; it must then stop cleanly. */
export async function withTracker(use: (tracker: Tracker) => Promise<void>): Promise<void> {
  await using folder = await makeTempFolder()
  const listen = await freeListeners()
  await using child = startTracker({ REDSWARM_DATA_DIR: join(folder.path, 'data'), ...listen }, folder.path)
  const [udp, http] = [listen.REDSWARM_UDP_LISTEN, listen.REDSWARM_HTTP_LISTEN]
  // It comes last, and asks all the others: the HTTP tracker alone may answer before there is a UDP tracker.
  await serving(child, `http://${listen.REDSWARM_HEALTH_LISTEN}/health_check`)
  try {
    await use({
      announceUrl: { udp: `udp://${udp}/announce`, http: `http://${http}/announce` },
      scrape: (infoHash) => scrape(`http://${http}/scrape`, infoHash),
    })
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\ntracker said: ${child.output()}`, {
      cause: error,
    })
  }
  expect(await child.stop(), `exit code of the tracker, which said: ${child.output()}`).toBe(0)
}

/** A free port for everything that the tracker can listen on: several run at once, beside whatever else this machine runs. */
async function freeListeners(): Promise<NodeJS.ProcessEnv> {
  const settings: NodeJS.ProcessEnv = {}
  for (const name of Object.keys(settingsSchema.properties).filter((name) => name.endsWith('_LISTEN'))) {
    settings[name] = `${HOST}:${await freePort(HOST)}`
  }
  return settings
}

function startTracker(settings: NodeJS.ProcessEnv, cwd: string): Child {
  // The caller's settings, in the environment or in a .env file of the working folder, would change what is tested.
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('REDSWARM_'))
  return startChild({
    command: process.execPath,
    args: [ENTRY, 'up'],
    env: { ...Object.fromEntries(others), ...settings },
    cwd,
    stopSignal: 'SIGTERM',
    stopMsMax: STOP_MS_MAX,
  })
}

async function serving(child: Child, url: string): Promise<void> {
  const said = () => `; the tracker said: ${child.output()}`
  const answers = async () => {
    if (child.exited()) throw new Error(`the tracker ended before it served${said()}`)
    const response = await fetch(url).catch(() => undefined)
    await response?.body?.cancel()
    return response?.ok === true
  }
  await waitFor(answers, START_MS_MAX, () => `${url} does not answer${said()}`)
}

async function scrape(url: string, infoHash: Buffer): Promise<Counts> {
  const escaped = infoHash.toString('hex').replace(/../g, '%$&')
  const response = await fetch(`${url}?info_hash=${escaped}`)
  const reply = bencode.decode(Buffer.from(await response.arrayBuffer())) as { files?: Record<string, Counts> }
  // One torrent was asked for, so there is one entry; its key is binary, which bencode has no way to tell.
  const [counts] = Object.values(reply.files ?? {})
  return counts ?? { complete: 0, incomplete: 0, downloaded: 0 }
}
