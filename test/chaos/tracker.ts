import type { Role } from '../../services/roles.ts'
import { freePort } from '../support/free-port.ts'
import type { Place } from './asker.ts'
import { makePart, type Part } from './part.ts'

/** A tracker of several processes. */
export type Tracker = {
  parts: readonly Part[]
  /** Where its frontends are asked. */
  places: readonly Place[]
  of: (role: Role) => Part[]
  apiUrl: string
  stop: () => Promise<void>
}

/** How a tracker is put together. */
export type TrackerOptions = {
  folder: string
  redisUrl: string
  settings?: Record<string, string>
  /** Frontends on ports of their own, with the settings that each has beside; otherwise two share the ports. */
  apart?: readonly Record<string, string>[]
  /** The program of each of those, where it is not this one. */
  mains?: readonly string[]
  hasApi?: boolean
}

export const API_TOKEN = 'the-token-of-the-chaos-suite'

/** Starts UDP and HTTP frontends, two processes of each, a sweeper, and where it is asked for an API. */
export async function startTracker(options: TrackerOptions): Promise<Tracker> {
  const { folder, redisUrl, settings = {}, apart, mains = [], hasApi = false } = options
  const own = {
    PATH: process.env.PATH ?? '',
    REDSWARM_REDIS_URL: redisUrl,
    REDSWARM_DATA_DIR: folder,
    REDSWARM_METRICS_LISTEN: '127.0.0.1:0',
    REDSWARM_HEALTH_LISTEN: '127.0.0.1:0',
    REDSWARM_API_TOKEN: API_TOKEN,
    ...settings,
  }
  const places: Place[] = []
  const parts: Part[] = []
  for (const [i, more] of (apart ?? [{}]).entries()) {
    const place = { name: `frontend ${i + 1}`, udpPort: await freePort(), httpPort: await freePort() }
    places.push(place)
    const env = {
      ...own,
      REDSWARM_UDP_LISTEN: bothFamilies(place.udpPort),
      REDSWARM_HTTP_LISTEN: bothFamilies(place.httpPort),
      ...more,
    }
    for (const role of ['udp', 'http'] as const) {
      if (apart) parts.push(makePart(role, [], env, mains[i] || undefined))
      else for (const number of ['1', '2']) parts.push(makePart(role, ['--process', number], env))
    }
  }
  parts.push(makePart('sweeper', [], own))
  const apiPort = await freePort()
  if (hasApi) parts.push(makePart('api', [], { ...own, REDSWARM_API_LISTEN: `127.0.0.1:${apiPort}` }))
  await Promise.all(parts.map((part) => part.start()))
  return {
    ...{ parts, places, apiUrl: `http://127.0.0.1:${apiPort}` },
    of: (role) => parts.filter((part) => part.role === role),
    async stop() {
      for (const part of parts) part.signal('SIGCONT')
      await Promise.all(parts.map((part) => part.kill()))
    },
  }
}

const bothFamilies = (port: number): string => `127.0.0.1:${port},[::1]:${port}`
