import { endianness } from 'node:os'
import koffi from 'koffi'

/** The C library's calls that a socket needs; each answers -1 on failure, with the reason in `errno`. */
export type Libc = {
  socket: (family: number, type: number, protocol: number) => number
  bind: (fd: number, address: Buffer, bytes: number) => number
  connect: (fd: number, address: Buffer, bytes: number) => number
  getsockname: (fd: number, address: Buffer, bytes: Buffer) => number
  setsockopt: (fd: number, level: number, name: number, value: Buffer, bytes: number) => number
  getsockopt: (fd: number, level: number, name: number, value: Buffer, bytes: Buffer) => number
  recvmmsg: (fd: number, messages: Buffer, count: number, flags: number, timeout: null) => number
  sendmmsg: (fd: number, messages: Buffer, count: number, flags: number) => number
  eventfd: (initial: number, flags: number) => number
  write: (fd: number, bytes: Buffer, count: number) => number
  read: (fd: number, bytes: Buffer, count: number) => number
  close: (fd: number) => number
  /** Waits in a thread of its own; the callback gets poll's answer. */
  poll: (entries: Buffer, count: number, timeoutMs: number, done: () => void) => void
  /** Where a buffer's bytes are; it must be larger than 64 bytes, or V8 may move it. */
  addressOf: (buffer: Buffer) => bigint
  /** The name of the last failure: `EADDRINUSE`. */
  lastError: () => string
}

/**
 * Loads the calls; undefined where they are not to be had: another system than Linux, another word size or byte order
 * than the structures in `messages.ts` are laid out for.
 */
export function loadLibc(): Libc | undefined {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch) || endianness() !== 'LE')
    return undefined
  // Without a name: what this process is linked with, be it glibc or musl.
  const library = koffi.load(null)
  const names = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]))
  const poll = library.func('int poll(void *fds, unsigned long count, int timeout)')
  return {
    socket: library.func('int socket(int family, int type, int protocol)'),
    bind: library.func('int bind(int fd, void *address, unsigned int bytes)'),
    connect: library.func('int connect(int fd, void *address, unsigned int bytes)'),
    getsockname: library.func('int getsockname(int fd, void *address, void *bytes)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int name, void *value, unsigned int bytes)'),
    getsockopt: library.func('int getsockopt(int fd, int level, int name, void *value, void *bytes)'),
    recvmmsg: library.func('int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout)'),
    sendmmsg: library.func('int sendmmsg(int fd, void *messages, unsigned int count, int flags)'),
    eventfd: library.func('int eventfd(unsigned int initial, int flags)'),
    write: library.func('long write(int fd, void *bytes, unsigned long count)'),
    read: library.func('long read(int fd, void *bytes, unsigned long count)'),
    close: library.func('int close(int fd)'),
    poll: (entries, count, timeoutMs, done) => poll.async(entries, count, timeoutMs, () => done()),
    addressOf: (buffer) => koffi.address(buffer),
    lastError: () => names.get(koffi.errno()) ?? `errno ${koffi.errno()}`,
  }
}
