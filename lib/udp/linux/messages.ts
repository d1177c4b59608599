import { makeKeptViews } from '../kept-views.ts'
import { BATCH_MAX, PAYLOAD_BYTES_MAX } from '../socket.ts'
import type { Libc } from './libc.ts'

/** The numbers of an address family, as Linux has them. */
export type Family = {
  number: number
  /** Bytes of a sockaddr, and where in it port and address are. */
  sockaddrBytes: number
  addressAt: number
  addressBytes: number
  loopback: string
  /** Level and type of the control message that tells, and sets, the local address; bytes of its data. */
  level: number
  pktinfo: number
  pktinfoBytes: number
  /** The option that asks for it. */
  receivePktinfo: number
  /** Where in the data the local address is. */
  localAt: number
}

/** IPv4: `sockaddr_in`, `in_pktinfo { ifindex, spec_dst, addr }`. */
export const IPV4: Family = {
  number: 2,
  sockaddrBytes: 16,
  addressAt: 4,
  addressBytes: 4,
  loopback: '127.0.0.1',
  level: 0,
  pktinfo: 8,
  pktinfoBytes: 12,
  receivePktinfo: 8,
  localAt: 4,
}

/** IPv6: `sockaddr_in6`, `in6_pktinfo { addr, ifindex }`. */
export const IPV6: Family = {
  number: 10,
  sockaddrBytes: 28,
  addressAt: 8,
  addressBytes: 16,
  loopback: '::1',
  level: 41,
  pktinfo: 50,
  pktinfoBytes: 20,
  receivePktinfo: 49,
  localAt: 0,
}

/** Bytes of a `mmsghdr` of 64-bit Linux. */
export const MESSAGE_BYTES = 64
/** Where its parts are. */
const AT = { name: 0, nameBytes: 8, iov: 16, iovCount: 24, control: 32, controlBytes: 40, length: 56 } as const
const IOV_BYTES = 16
const SOCKADDR_ROOM = 32
/** A `cmsghdr` of 16 bytes before the data, all of it rounded up to 8. */
const CONTROL_HEAD_BYTES = 16
const CONTROL_ROOM = 40
/** An announce without options, and what is shorter. At most 1 MB of views for a socket. */
const KEPT_VIEW_BYTES_MAX = 128

/** Room for a batch of messages: what recvmmsg fills and sendmmsg reads, laid out once. */
export type Messages = {
  /** The `mmsghdr`s. */
  headers: Buffer
  sockaddrs: Buffer
  controls: Buffer
  payloads: Buffer
  sockaddrAt: (i: number) => number
  controlDataAt: (i: number) => number
  payloadAt: (i: number) => number
  /** What came in, in its place: the next batch is put over it. */
  received: (i: number) => Buffer
  /** Whether the local address came with it. */
  hasControl: (i: number) => boolean
  /** Gives room for the local address once more, where there is any. */
  reset: (i: number) => void
  /** Says what a message to be sent holds. */
  prepare: (i: number, payloadBytes: number, withControl: boolean) => void
}

/** Lays out room for `BATCH_MAX` messages of a family; `withLocal`: with their local addresses. */
export function makeMessages(libc: Libc, family: Family, withLocal: boolean): Messages {
  const headers = Buffer.alloc(BATCH_MAX * MESSAGE_BYTES)
  const iovs = Buffer.alloc(BATCH_MAX * IOV_BYTES)
  const sockaddrs = Buffer.alloc(BATCH_MAX * SOCKADDR_ROOM)
  const controls = Buffer.alloc(BATCH_MAX * CONTROL_ROOM)
  const payloads = Buffer.alloc(BATCH_MAX * PAYLOAD_BYTES_MAX)
  for (let i = 0; i < BATCH_MAX; i++) {
    const at = i * MESSAGE_BYTES
    headers.writeBigUInt64LE(libc.addressOf(sockaddrs) + BigInt(i * SOCKADDR_ROOM), at + AT.name)
    headers.writeUInt32LE(family.sockaddrBytes, at + AT.nameBytes)
    headers.writeBigUInt64LE(libc.addressOf(iovs) + BigInt(i * IOV_BYTES), at + AT.iov)
    headers.writeUInt32LE(1, at + AT.iovCount)
    headers.writeBigUInt64LE(libc.addressOf(controls) + BigInt(i * CONTROL_ROOM), at + AT.control)
    iovs.writeBigUInt64LE(libc.addressOf(payloads) + BigInt(i * PAYLOAD_BYTES_MAX), i * IOV_BYTES)
    iovs.writeUInt32LE(PAYLOAD_BYTES_MAX, i * IOV_BYTES + 8)
    sockaddrs.writeUInt16LE(family.number, i * SOCKADDR_ROOM)
    controls.writeUInt32LE(CONTROL_HEAD_BYTES + family.pktinfoBytes, i * CONTROL_ROOM)
    controls.writeUInt32LE(family.level, i * CONTROL_ROOM + 8)
    controls.writeUInt32LE(family.pktinfo, i * CONTROL_ROOM + 12)
  }
  const controlBytes = withLocal ? Math.ceil((CONTROL_HEAD_BYTES + family.pktinfoBytes) / 8) * 8 : 0
  const payloadOf = makeKeptViews(payloads, PAYLOAD_BYTES_MAX, KEPT_VIEW_BYTES_MAX)
  const self: Messages = {
    headers,
    sockaddrs,
    controls,
    payloads,
    sockaddrAt: (i) => i * SOCKADDR_ROOM,
    controlDataAt: (i) => i * CONTROL_ROOM + CONTROL_HEAD_BYTES,
    payloadAt: (i) => i * PAYLOAD_BYTES_MAX,
    received: (i) => payloadOf(i, headers.readUInt32LE(i * MESSAGE_BYTES + AT.length)),
    hasControl: (i) => withLocal && headers.readUInt32LE(i * MESSAGE_BYTES + AT.controlBytes) > 0,
    reset(i) {
      if (withLocal) headers.writeUInt32LE(controlBytes, i * MESSAGE_BYTES + AT.controlBytes)
    },
    prepare(i, payloadBytes, withControl) {
      iovs.writeUInt32LE(payloadBytes, i * IOV_BYTES + 8)
      headers.writeUInt32LE(withControl ? controlBytes : 0, i * MESSAGE_BYTES + AT.controlBytes)
    },
  }
  for (let i = 0; i < BATCH_MAX; i++) self.reset(i)
  return self
}
