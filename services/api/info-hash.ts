import { type InfoHash, infoHashFromHex } from '../../lib/wire/info-hash.ts'
import { badField } from './errors.ts'

/** The info hash that a path or a query names. */
export function infoHashOf(text: string): InfoHash {
  const infoHash = infoHashFromHex(text)
  if (!infoHash) throw badField('info_hash', '40 hex digits', text)
  return infoHash
}
