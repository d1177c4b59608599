import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Counters } from '../../lib/observe/counters.ts'
import type { Logger } from '../../lib/observe/log.ts'
import { makeNews } from '../../lib/observe/news.ts'
import { addressText, clientKey, type Endpoint, toEndpoint } from '../../lib/wire/endpoint.ts'
import { type Link, makeLink, oldestIn, putLast, takeOut } from './idle-ring.ts'

/** Requests of one connection that may wait behind another of it: as many as fit 64 KiB, which come in one piece. */
export const PIPELINED_MAX = 2048
/** Those of all connections, with answers of 1 to 20 KB: at most 80 MB, however many clients send on and on and read nothing. */
export const PIPELINED_OF_ALL_MAX = 4096
const TOLD_EVERY_MS = 60_000

/** A connection of the HTTP tracker. */
export type Connection = {
  socket: Socket
  /** Undefined where its address may have any number. */
  address: Address | undefined
  /** Requests that are being answered. With none it is idle: it has asked nothing yet, or not all, or nothing more. */
  inWork: number
  /** Requests that wait behind another. */
  pipelined: number
  isOpen: boolean
  ofAll: Link<Connection>
  ofAddress: Link<Connection>
}

/** What is open of an address of IPv4, or of a /64 of IPv6. */
type Address = { key: string; open: number; idle: Link<Connection> }

/** The connections of a process's HTTP tracker, on however many addresses it listens. */
export type Connections = {
  /** Takes a new connection in; whether there is room for it. */
  admit: (socket: Socket) => boolean
  /** Whether a request that waits behind another of its connection may; else the connection is closed. */
  mayWait: (request: IncomingMessage, response: ServerResponse) => boolean
  /** That a request is being answered, until `end`: its connection is not closed for others. */
  begin: (socket: Socket) => Connection | undefined
  end: (connection: Connection | undefined) => void
  /** How many are open. */
  open: () => number
}

/** What connections are limited to. */
export type ConnectionLimits = {
  connectionsMax: number
  perAddressMax: number
  /** Whose address may have any number: a proxy's connections are of many clients. */
  isExempt: (source: Endpoint) => boolean
  counters: Pick<Counters, 'http_connections_closed'>
  nowMs: () => number
  log: Logger
}

/**
 * Lets so many connections be open, and so many of one address. The one that has been idle longest makes room for a new
 * one: connections that are held open, or whose requests come a byte at a time, never keep out those who ask at once.
 * One whose request is being answered is not closed; where that is so of all, the new one is.
 */
export function makeConnections(limits: ConnectionLimits): Connections {
  const { connectionsMax, perAddressMax, isExempt } = limits
  const connections = new Map<Socket, Connection>()
  const addresses = new Map<string, Address>()
  const idle = makeLink<Connection>()
  const tell = makeTeller(limits)
  let pipelined = 0

  const forget = (connection: Connection): void => {
    if (!connection.isOpen) return
    connection.isOpen = false
    connections.delete(connection.socket)
    takeOut(connection.ofAll)
    takeOut(connection.ofAddress)
    pipelined -= connection.pipelined
    const { address } = connection
    if (!address) return
    address.open -= 1
    if (address.open === 0) addresses.delete(address.key)
  }
  const close = (connection: Connection): void => {
    forget(connection)
    connection.socket.destroy()
  }
  const makeIdle = (connection: Connection): void => {
    putLast(idle, connection.ofAll)
    if (connection.address) putLast(connection.address.idle, connection.ofAddress)
  }
  /** Whether there is room by now, in a ring of those that may be closed for it. */
  const makeRoom = (ring: Link<Connection>, why: string, source: Endpoint | undefined): boolean => {
    const oldest = oldestIn(ring)
    if (oldest) close(oldest)
    tell(why, source)
    return oldest !== undefined
  }

  return {
    admit(socket) {
      // Without an address, it has gone already.
      const source = toEndpoint(socket.remoteAddress ?? '', 0)
      const key = source && !isExempt(source) ? clientKey(source) : undefined
      const address = key === undefined ? undefined : (addresses.get(key) ?? { key, open: 0, idle: makeLink() })
      if (address && address.open >= perAddressMax && !makeRoom(address.idle, OF_ADDRESS, source)) return false
      if (connections.size >= connectionsMax && !makeRoom(idle, OF_ALL, source)) return false
      const connection = makeConnection(socket, address)
      connections.set(socket, connection)
      if (address) {
        address.open += 1
        // What made room may have been the last of it.
        addresses.set(address.key, address)
      }
      makeIdle(connection)
      socket.once('close', () => forget(connection))
      return true
    },
    mayWait({ socket }, response) {
      const connection = connections.get(socket)
      if (!connection) return !socket.destroyed
      if (connection.pipelined >= PIPELINED_MAX || pipelined >= PIPELINED_OF_ALL_MAX) {
        close(connection)
        tell(UNREAD, toEndpoint(socket.remoteAddress ?? '', 0))
        return false
      }
      connection.pipelined += 1
      pipelined += 1
      response.once('close', () => {
        if (!connection.isOpen) return
        connection.pipelined -= 1
        pipelined -= 1
      })
      return true
    },
    begin(socket) {
      const connection = connections.get(socket)
      if (!connection) return undefined
      connection.inWork += 1
      takeOut(connection.ofAll)
      takeOut(connection.ofAddress)
      return connection
    },
    end(connection) {
      if (!connection) return
      connection.inWork -= 1
      if (connection.inWork === 0 && connection.isOpen) makeIdle(connection)
    },
    open: () => connections.size,
  }
}

/** Puts a server's connections under their limits. It must not listen yet. */
export function limitConnections(server: Server, { admit, mayWait }: Pick<Connections, 'admit' | 'mayWait'>): void {
  const takers = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    if (!admit(socket)) return void socket.destroy()
    for (const take of takers) take.call(server, socket)
  })
  const handlers = server.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[]
  server.removeAllListeners('request')
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // Of the requests of a connection that wait for their answers, Node gives the first one the socket.
    if (response.socket === null && !mayWait(request, response)) return
    for (const handle of handlers) handle.call(server, request, response)
  })
}

function makeConnection(socket: Socket, address: Address | undefined): Connection {
  const connection = { socket, address, inWork: 0, pipelined: 0, isOpen: true } as Connection
  connection.ofAll = makeLink(connection)
  connection.ofAddress = makeLink(connection)
  return connection
}

const OF_ALL = 'REDSWARM_HTTP_CONNECTIONS_MAX'
const OF_ADDRESS = 'REDSWARM_HTTP_CONNECTIONS_PER_ADDRESS'
const UNREAD = 'requests sent on and on, and no answer read'

/** Counts what is closed and tells of it, a line a minute at most. */
function makeTeller({ counters, nowMs, log }: ConnectionLimits): (limit: string, source: Endpoint | undefined) => void {
  const news = makeNews({ everyMs: TOLD_EVERY_MS, namesMax: 1, nowMs })
  return (limit, source) => {
    counters.http_connections_closed += 1
    const closed = news('closed')
    if (closed === 0) return
    log.warn({ closed, limit, address: source && addressText(source) }, 'connections are closed: too many are open')
  }
}
