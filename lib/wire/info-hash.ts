/** The 20 bytes that name a torrent (BEP 3: the SHA-1 of its info dictionary). */
export type InfoHash = Buffer & { readonly brand: 'InfoHash' }

/** Bytes of an info hash. */
export const INFO_HASH_BYTES = 20

/** Bytes of a peer id (BEP 20). */
export const PEER_ID_BYTES = 20

/** The info hash that these bytes are; undefined where they are not 20. */
export const toInfoHash = (bytes: Buffer): InfoHash | undefined =>
  bytes.length === INFO_HASH_BYTES ? (bytes as InfoHash) : undefined

const HEX = /^[0-9a-fA-F]{40}$/

/** The info hash that this text of 40 hex digits, of either case, stands for. */
export const infoHashFromHex = (text: string): InfoHash | undefined =>
  HEX.test(text) ? (Buffer.from(text, 'hex') as InfoHash) : undefined
