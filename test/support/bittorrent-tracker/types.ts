import type { EventEmitter } from 'node:events'
import type { Server as HttpServer } from 'node:http'

/** What we use of bittorrent-tracker 11, which has no types of its own. */
export interface BittorrentTracker {
  readonly Client: {
    new (options: ClientOptions): TrackerClient
    scrape(
      options: { infoHash: ScrapedHashes; announce: string },
      done: (error: Error | null, counts?: unknown) => void,
    ): TrackerClient
  }
  readonly Server: new (options?: ServerOptions) => TrackerServer
}

/** Over UDP the library joins these as bytes, over HTTP it reads them as hex: each wants its own kind. */
export type ScrapedHashes = readonly string[] | readonly Uint8Array[]

export interface ClientOptions {
  infoHash: string | Uint8Array
  peerId: string | Uint8Array
  announce: string | readonly string[]
  port: number
}

export interface AnnounceOptions {
  uploaded?: number
  downloaded?: number
  left?: number
  numwant?: number
}

/** Emits `update` (a reply), then `peer` for each peer in it; `scrape`; `warning` for a failure that the tracker told. */
export interface TrackerClient extends EventEmitter {
  start(options?: AnnounceOptions): void
  update(options?: AnnounceOptions): void
  complete(options?: AnnounceOptions): void
  stop(options?: AnnounceOptions): void
  scrape(options?: { infoHash?: ScrapedHashes }): void
  destroy(done?: () => void): void
}

export interface ServerOptions {
  http?: boolean
  udp?: boolean
  ws?: boolean
  stats?: boolean
  trustProxy?: boolean
  interval?: number
}

/** Emits `listening`, `error`, `warning`, `start`, `complete`, `update`, `stop`. */
export interface TrackerServer extends EventEmitter {
  readonly http: HttpServer | null
  /** Opens a UDP socket per family: without `udp6: '::1'` that one is open to every address. */
  listen(ports: { http: number; udp: number }, hosts: { http: string; udp: string; udp6: string }): void
  close(done?: (error?: Error) => void): void
}
