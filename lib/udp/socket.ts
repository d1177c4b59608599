import type { Listen } from '../config/listen.ts'
import { addressText, type Endpoint, toEndpoint } from '../wire/endpoint.ts'

/** A datagram that came in, or that goes out to where one came from. */
export type Datagram = {
  /** Good until `onBatch` returns. */
  payload: Buffer
  /** Whom it came from, or goes to; good for as long as it is kept. */
  source: Endpoint
  /** What the socket needs to answer from the address that was asked. */
  via: unknown
}

/** An open UDP socket, batch-shaped: many datagrams in, many out. */
export type UdpSocket = {
  /** Where it listens, with the port that it got. */
  listen: Listen
  /**
   * Sends replies, whose payloads may be used for others once it has returned. One that the system refuses, or that is
   * longer than `PAYLOAD_BYTES_MAX`, costs only itself. Answers how many were not sent: all of them once the socket is closed.
   */
  send: (replies: readonly Datagram[]) => number
  /** Takes no more datagrams in; what is in work can still be sent. */
  pause: () => void
  /** How many datagrams the system dropped since this was last asked, because its buffer for them was full. */
  takeDrops: () => number
  close: () => Promise<void>
}

/** How a socket is opened. */
export type UdpSocketOptions = {
  /** Whether others listen at the same address, and each gets a part of the clients (SO_REUSEPORT). */
  sharesPort?: boolean
  /** Whether there is no room for more: then a socket, where it can, reads nothing, and the system keeps some and drops the rest. */
  isFull?: () => boolean
}

/** Opens a socket; `onBatch` gets what came in, at most `BATCH_MAX` at a time. A reply leaves from the address asked. */
export type OpenUdpSocket = (
  listen: Listen,
  onBatch: (batch: Datagram[], socket: UdpSocket) => void,
  options?: UdpSocketOptions,
) => Promise<UdpSocket>

/** Datagrams in a batch at most: as many as one call of recvmmsg takes. */
export const BATCH_MAX = 64

/** More than any request or reply needs: an announce with a kilobyte of options, a scrape of 74 info hashes. */
export const PAYLOAD_BYTES_MAX = 2048

/** Bytes of datagrams that the system may hold for us: a burst of 40,000 announces. */
export const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024

/** Where to listen, each address spelled one way; an IPv4-mapped address (`::ffff:127.0.0.1`) is the IPv4 one. */
export function toLocal(listen: Listen): { address: string; endpoint: Endpoint } {
  const endpoint = toEndpoint(listen.address, listen.port)
  if (!endpoint) throw new Error(`no address to listen on: ${listen.address}`)
  return { address: addressText(endpoint), endpoint }
}
