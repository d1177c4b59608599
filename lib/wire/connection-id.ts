import { type Cipheriv, createCipheriv, createHmac } from 'node:crypto'
import { copyBytes } from './copy-bytes.ts'
import { type Endpoint, isIpv6 } from './endpoint.ts'

/** Bytes of a connection id (BEP 15). */
export const CONNECTION_ID_BYTES = 8
const BLOCK_BYTES = 16
/** Windows are told apart by one byte. */
const WINDOWS = 256

/** What a connection id proves: the client got it at this address lately, long ago, or never. */
export type Standing = 'valid' | 'expired' | 'forged'

/** The connection ids of one batch of datagrams, all made in one cipher call. */
export type BatchConnectionIds = {
  /** The id to issue to the source with this number, 8 bytes: good until the next is issued. */
  issue: (source: number) => Buffer
  /** What an id that came from the source with this number proves. */
  check: (source: number, connectionId: Buffer) => Standing
}

/**
 * Stateless connection ids: 1 byte of the time window, 7 bytes of AES-128(key of that window, address). The key of a
 * window is derived from the secret, so every frontend with the secret accepts what another issued, without a word
 * between them. The address counts, not the port: a NAT may change that between two datagrams (BEP 15 leaves it open).
 *
 * An id is accepted for `lifetimeS` at least and about 1.5 times that at most: a window is half of it, rounded up, and the current one,
 * the two before and, for frontends whose clocks differ, the next are good.
 */
export function makeConnectionIds({ secret, lifetimeS }: { secret: Buffer; lifetimeS: number }) {
  const windowS = Math.max(1, Math.ceil(lifetimeS / 2))
  const ciphers = new Map<number, Cipheriv>()
  const issued = Buffer.alloc(CONNECTION_ID_BYTES)

  const cipherOf = (window: number): Cipheriv => {
    const known = ciphers.get(window)
    if (known) return known
    if (ciphers.size >= WINDOWS) ciphers.clear()
    const key = createHmac('sha256', secret).update(`connection id window ${window}`).digest().subarray(0, BLOCK_BYTES)
    const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
    ciphers.set(window, cipher)
    return cipher
  }

  /** The ids of datagrams from these sources, at this time. */
  return function forBatch(sources: readonly Endpoint[], nowS: number): BatchConnectionIds {
    const current = Math.floor(nowS / windowS)
    const blocks = Buffer.alloc(sources.length * BLOCK_BYTES)
    for (let i = 0; i < sources.length; i++) writeAddress(blocks, i * BLOCK_BYTES, sources[i] as Endpoint)
    // By age: few windows are asked for, and mostly the current one.
    const macs: Buffer[] = []
    const macsOf = (window: number): Buffer => {
      const age = current - window + 1
      const mac = macs[age] ?? cipherOf(window).update(blocks)
      macs[age] = mac
      return mac
    }
    /** Looks at all bytes, however many are right: how long it takes tells nothing. (A loop: `compare` takes 100 ns.) */
    const matches = (window: number, source: number, connectionId: Buffer): boolean => {
      const mac = macsOf(window)
      const at = source * BLOCK_BYTES - 1
      let difference = connectionId.length - CONNECTION_ID_BYTES
      for (let i = 1; i < CONNECTION_ID_BYTES; i++) {
        difference |= (connectionId[i] as number) ^ (mac[at + i] as number)
      }
      return difference === 0
    }
    return {
      issue(source) {
        issued[0] = current % WINDOWS
        copyBytes(macsOf(current), source * BLOCK_BYTES, issued, 1, CONNECTION_ID_BYTES - 1)
        return issued
      },
      check(source, connectionId) {
        const age = ((current - (connectionId[0] ?? 0) + WINDOWS + 1) % WINDOWS) - 1
        if (current - age < 0 || !matches(current - age, source, connectionId)) return 'forged'
        return age <= 2 ? 'valid' : 'expired'
      },
    }
  }
}

function writeAddress(blocks: Buffer, at: number, source: Endpoint): void {
  if (isIpv6(source)) {
    copyBytes(source, 0, blocks, at, BLOCK_BYTES)
  } else {
    blocks[at + 10] = 0xff
    blocks[at + 11] = 0xff
    copyBytes(source, 0, blocks, at + 12, 4)
  }
}
