import { copyBytes } from '../../wire/copy-bytes.ts'
import { addressText, type Endpoint, isIpv6, toEndpoint } from '../../wire/endpoint.ts'
import {
  BATCH_MAX,
  type Datagram,
  type OpenUdpSocket,
  PAYLOAD_BYTES_MAX,
  SOCKET_BUFFER_BYTES,
  toLocal,
  type UdpSocket,
} from '../socket.ts'
import type { Libc } from './libc.ts'
import { type Family, IPV4, IPV6, MESSAGE_BYTES, type Messages, makeMessages } from './messages.ts'
import type { Reactor } from './reactor.ts'

const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000
const SOL_SOCKET = 1
const SO_SNDBUF = 7
const SO_RCVBUF = 8
const SO_REUSEPORT = 15
const SO_MEMINFO = 55
/** Nine u32; room for more to come, and too much for V8 to move it. */
const MEMINFO_BYTES = 128
const MEMINFO_DROPS_AT = 32
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const MSG_DONTWAIT = 0x40
const DISCARD_PORT = 9
/** Batches read in one round of the event loop, so that Redis's answers get their turn. */
const BATCHES_PER_ROUND = 4
/** Of IPv6: the local address, and the interface that a link-local one belongs to. */
const VIA_BYTES = 20
/** Up to here a loop copies faster than `Buffer.copy`. */
const SHORT_BYTES_MAX = 32

/**
 * Opens sockets that read and write up to 64 datagrams in one system call (recvmmsg, sendmmsg): by `node:dgram`, a
 * response takes a frontend 1.7 times the CPU. Where a socket has more than one local address, the kernel tells which of
 * them each datagram was sent to (IP_PKTINFO), and its reply leaves from there.
 */
export function makeLinuxSockets(libc: Libc, reactor: Reactor): OpenUdpSocket {
  return async (listen, onBatch, { sharesPort = false, isFull = () => false } = {}) => {
    const { address, endpoint } = toLocal(listen)
    const family = isIpv6(endpoint) ? IPV6 : IPV4
    // A link-local peer of IPv6 is answered on the interface that it was heard on, which comes with the local address.
    const withLocal = family === IPV6 || address === '0.0.0.0'
    const { fd, port } = openSocket(libc, family, endpoint, { withLocal, sharesPort })
    const received = makeMessages(libc, family, withLocal)
    const sending = makeMessages(libc, family, withLocal)
    // The descriptor's number is somebody else's once it is closed.
    let isClosed = false
    let drops = 0
    const self: UdpSocket = {
      listen: { address, port },
      send: (replies) => (isClosed ? replies.length : sendAll(libc, fd, family, sending, replies)),
      pause() {
        if (sharesPort) leaveOthers(libc, fd, family, endpoint)
        // What has come by now is answered.
        while (!isFull() && readOnce() === BATCH_MAX);
        void reactor.remove(fd)
      },
      takeDrops() {
        const before = drops
        if (!isClosed) drops = dropsOf(libc, fd)
        return (drops - before) >>> 0
      },
      async close() {
        if (isClosed) return
        isClosed = true
        await reactor.remove(fd)
        libc.close(fd)
      },
    }
    const readOnce = (): number => {
      const count = libc.recvmmsg(fd, received.headers, BATCH_MAX, MSG_DONTWAIT, null)
      if (count > 0) onBatch(readBatch(family, received, count), self)
      return count
    }
    reactor.add(fd, () => {
      let total = 0
      for (let batches = 0; batches < BATCHES_PER_ROUND; batches++) {
        // To read what can only be dropped would take from the CPU of what can be answered.
        if (isFull()) return Math.max(1, total)
        const count = readOnce()
        if (count <= 0) break
        total += count
        if (count < BATCH_MAX) break
      }
      return total
    })
    return self
  }
}

function openSocket(
  libc: Libc,
  family: Family,
  local: Endpoint,
  { withLocal, sharesPort }: { withLocal: boolean; sharesPort: boolean },
): { fd: number; port: number } {
  const fail = (): never => {
    const code = libc.lastError()
    throw Object.assign(new Error(`${code}: ${addressText(local)}`), { code })
  }
  const fd = libc.socket(family.number, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0)
  if (fd < 0) fail()
  const value = Buffer.alloc(128)
  const setOption = (level: number, name: number, to: number): void => {
    value.writeInt32LE(to)
    libc.setsockopt(fd, level, name, value, 4)
  }
  // The kernel grants as much as net.core.rmem_max allows.
  setOption(SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES)
  setOption(SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES)
  if (sharesPort) setOption(SOL_SOCKET, SO_REUSEPORT, 1)
  if (withLocal) setOption(family.level, family.receivePktinfo, 1)
  if (family === IPV6) setOption(IPPROTO_IPV6, IPV6_V6ONLY, 1)
  const sockaddr = Buffer.alloc(128)
  writeSockaddr(family, sockaddr, 0, local)
  if (libc.bind(fd, sockaddr, family.sockaddrBytes) !== 0) {
    try {
      fail()
    } finally {
      libc.close(fd)
    }
  }
  value.writeInt32LE(family.sockaddrBytes)
  libc.getsockname(fd, sockaddr, value)
  return { fd, port: sockaddr.readUInt16BE(2) }
}

/**
 * Leaves what comes to the others at the same port, and can still send: of the sockets that share one, Linux passes over those
 * that are connected. That to which it is, the discard port of its own machine, never sends.
 */
function leaveOthers(libc: Libc, fd: number, family: Family, local: Endpoint): void {
  const isWildcard = local.subarray(0, family.addressBytes).every((byte) => byte === 0)
  const peer = toEndpoint(isWildcard ? family.loopback : addressText(local), DISCARD_PORT)
  const sockaddr = Buffer.alloc(128)
  if (peer) writeSockaddr(family, sockaddr, 0, peer)
  libc.connect(fd, sockaddr, family.sockaddrBytes)
}

/** How many datagrams the system dropped at a socket, modulo 2^32: the last of the counts that SO_MEMINFO tells. */
function dropsOf(libc: Libc, fd: number): number {
  const counts = Buffer.alloc(MEMINFO_BYTES)
  const bytes = Buffer.alloc(128)
  bytes.writeUInt32LE(MEMINFO_BYTES)
  return libc.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, counts, bytes) === 0 ? counts.readUInt32LE(MEMINFO_DROPS_AT) : 0
}

function writeSockaddr(family: Family, into: Buffer, at: number, endpoint: Endpoint): void {
  into[at] = family.number
  copyBytes(endpoint, family.addressBytes, into, at + 2, 2)
  copyBytes(endpoint, 0, into, at + family.addressAt, family.addressBytes)
}

/** The datagrams of a batch: their payloads stay where they are, addresses are copied, since replies need them later. */
function readBatch(family: Family, messages: Messages, count: number): Datagram[] {
  const { addressBytes } = family
  const endpointBytes = addressBytes + 2
  const endpoints = Buffer.allocUnsafe(count * endpointBytes)
  const batch: Datagram[] = []
  for (let i = 0; i < count; i++) {
    const sockaddrAt = messages.sockaddrAt(i)
    const at = i * endpointBytes
    copyBytes(messages.sockaddrs, sockaddrAt + family.addressAt, endpoints, at, addressBytes)
    copyBytes(messages.sockaddrs, sockaddrAt + 2, endpoints, at + addressBytes, 2)
    batch.push({
      payload: messages.received(i),
      source: endpoints.subarray(at, at + endpointBytes) as Endpoint,
      via: messages.hasControl(i) ? readVia(family, messages, i) : undefined,
    })
    messages.reset(i)
  }
  return batch
}

/** The local address: of IPv4 as the number that its four bytes are, which needs no buffer. */
function readVia(family: Family, messages: Messages, i: number): number | Buffer {
  const localAt = messages.controlDataAt(i) + family.localAt
  if (family === IPV4) return messages.controls.readInt32LE(localAt)
  const via = Buffer.alloc(VIA_BYTES)
  copyBytes(messages.controls, localAt, via, 0, family.addressBytes)
  // A link-local address means nothing without its interface; any other must not bind the reply to one.
  if (via[0] === 0xfe && ((via[1] as number) & 0xc0) === 0x80) copyBytes(messages.controls, localAt + 16, via, 16, 4)
  return via
}

/** Sends replies; one that cannot be sent costs only itself. Answers how many were not sent. */
function sendAll(libc: Libc, fd: number, family: Family, messages: Messages, replies: readonly Datagram[]): number {
  let unsent = 0
  let count = 0
  for (const reply of replies) {
    if (reply.payload.length > PAYLOAD_BYTES_MAX) {
      unsent += 1
      continue
    }
    writeMessage(family, messages, count, reply)
    count += 1
    if (count < BATCH_MAX) continue
    unsent += sendBatch(libc, fd, messages, count)
    count = 0
  }
  return unsent + sendBatch(libc, fd, messages, count)
}

function writeMessage(family: Family, messages: Messages, i: number, { payload, source, via }: Datagram): void {
  const sockaddrAt = messages.sockaddrAt(i)
  writeSockaddr(family, messages.sockaddrs, sockaddrAt, source)
  const payloadAt = messages.payloadAt(i)
  if (payload.length <= SHORT_BYTES_MAX) copyBytes(payload, 0, messages.payloads, payloadAt, payload.length)
  else payload.copy(messages.payloads, payloadAt)
  messages.prepare(i, payload.length, via !== undefined)
  if (via === undefined) return
  const dataAt = messages.controlDataAt(i)
  if (family === IPV4) {
    messages.controls.writeInt32LE(via as number, dataAt + family.localAt)
    return
  }
  const local = via as Buffer
  copyBytes(local, 0, messages.controls, dataAt, VIA_BYTES)
  // The scope of a link-local peer is the interface that it was heard on.
  copyBytes(local, family.addressBytes, messages.sockaddrs, sockaddrAt + 24, 4)
}

function sendBatch(libc: Libc, fd: number, messages: Messages, count: number): number {
  let unsent = 0
  for (let at = 0; at < count; ) {
    const sent = libc.sendmmsg(fd, messages.headers.subarray(at * MESSAGE_BYTES), count - at, MSG_DONTWAIT)
    if (sent > 0) {
      at += sent
    } else {
      // It stops at a datagram that cannot be sent (port 0, no route, buffer full): that one is given up.
      at += 1
      unsent += 1
    }
  }
  return unsent
}
