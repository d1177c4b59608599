import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { SILENT_MS_MAX } from '../../lib/http-server.ts'
import type { Counters } from '../../lib/observe/counters.ts'
import { type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { PROXY_HEADER_BYTES_MAX, readProxyHeader } from '../../lib/wire/proxy-header.ts'

/** How long a proxy may take to say for whom it connects; it comes with the connection. */
const HEADER_MS_MAX = 10_000

/** The connections of an HTTP server, some of which begin with a header of the PROXY protocol. */
export type ProxiedConnections = {
  /** Where the client of a connection is, as its header has it; undefined where it does not say, or there was none. */
  sourceOf: (socket: Socket) => Endpoint | undefined
  /** Ends the connections by which nobody has asked anything, soon: what a proxy has connected for may be under way. */
  close: () => void
}

/**
 * Takes the header of the PROXY protocol off the connections of trusted proxies before an HTTP server sees them; a connection
 * that has none is served as it is. The server must not listen yet.
 */
export function takeProxyHeaders(
  server: Server,
  { isProxy, counters }: { isProxy: (source: Endpoint) => boolean; counters: Counters },
): ProxiedConnections {
  const sources = new WeakMap<Socket, Endpoint>()
  /** How long the header of each open connection is; without end until it is whole. */
  const headerBytes = new Map<Socket, number>()
  const serve = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  const handOver = (socket: Socket): void => {
    for (const listener of serve) listener.call(server, socket)
  }

  const readHeader = (socket: Socket): void => {
    headerBytes.set(socket, Number.POSITIVE_INFINITY)
    socket.once('close', () => headerBytes.delete(socket))
    const late = setTimeout(() => socket.destroy(), HEADER_MS_MAX).unref()
    const end = (): void => {
      clearTimeout(late)
      socket.off('readable', read).off('end', cut).off('close', end).off('error', ignore)
    }
    // Nothing more will come; an HTTP server's sockets stay open for their answer all the same.
    const cut = () => socket.destroy()
    let bytes: Buffer = Buffer.alloc(0)
    const read = (): void => {
      const more = socket.read() as Buffer | null
      if (more === null) return
      bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more])
      const header = readProxyHeader(bytes)
      if (header === 'partial' && bytes.length < PROXY_HEADER_BYTES_MAX) return
      end()
      if (header === 'partial' || header === 'broken') {
        counters.proxy_broken += 1
        socket.destroy()
        return
      }
      if (header !== 'none') {
        if (header.source) sources.set(socket, header.source)
        bytes = bytes.subarray(header.bytes)
      }
      headerBytes.set(socket, header === 'none' ? 0 : header.bytes)
      if (bytes.length > 0) socket.unshift(bytes)
      handOver(socket)
    }
    socket.on('readable', read).on('end', cut).on('close', end).on('error', ignore)
  }

  server.on('connection', (socket: Socket) => {
    const peer = toEndpoint(socket.remoteAddress ?? '', socket.remotePort ?? 0)
    if (peer && isProxy(peer)) readHeader(socket)
    else handOver(socket)
  })
  return {
    sourceOf: (socket) => sources.get(socket),
    close() {
      setTimeout(() => {
        for (const [socket, bytes] of headerBytes) if (socket.bytesRead <= bytes) socket.destroy()
      }, SILENT_MS_MAX).unref()
    },
  }
}

/** A connection that is cut before its header is nobody's news; `close` follows. */
const ignore = (): void => {}
