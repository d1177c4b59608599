import { PEER_ID_BYTES } from './info-hash.ts'

/** A byte as it is, or `\x` and its two hex digits; a backslash is `\\` or `\x5c`. */
const PART = /\\x([0-9a-fA-F]{2})|\\\\|[\x20-\x5b\x5d-\x7e]/gy

/**
 * Reads the beginning of a peer id: 1 to 20 bytes, as text (`-XL0012-`), other bytes as `\x` and two hex digits; undefined where it is
 * none.
 */
export function parsePeerIdPrefix(text: string): Buffer | undefined {
  const bytes: number[] = []
  let end = 0
  for (const [part, hex] of text.matchAll(PART)) {
    end += part.length
    bytes.push(hex === undefined ? part.charCodeAt(0) : Number.parseInt(hex, 16))
  }
  return end === text.length && bytes.length > 0 && bytes.length <= PEER_ID_BYTES ? Buffer.from(bytes) : undefined
}

/** The beginning of a peer id as text, each spelled one way: what is no letter, digit or sign of ASCII is escaped, and a space. */
export function peerIdPrefixText(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^\x21-\x5b\x5d-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
