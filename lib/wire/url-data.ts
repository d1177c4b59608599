/** BEP 41's types of an option after a UDP announce. */
const OPTION = { end: 0, nop: 1, urlData: 2 } as const
const URL_DATA_BYTES_MAX = 255
/** More of a URL than any tracker's is kept from nobody's datagram. */
const URL_BYTES_MAX = 1024

/**
 * The URL data (path and query of the tracker's URL) among the options that start at `at`; several are joined, an
 * unknown option is stepped over, one that claims to end past the datagram ends the reading. Text is latin1, a character
 * a byte.
 */
export function readUrlData(datagram: Buffer, at: number): string {
  let text = ''
  while (at < datagram.length && text.length < URL_BYTES_MAX) {
    const option = datagram[at]
    if (option === OPTION.end) break
    if (option === OPTION.nop) {
      at += 1
      continue
    }
    const length = datagram[at + 1]
    if (length === undefined || at + 2 + length > datagram.length) break
    if (option === OPTION.urlData) text += datagram.toString('latin1', at + 2, at + 2 + length)
    at += 2 + length
  }
  return text
}

/** The options that carry this URL data, in pieces of 255 bytes, without an end: a datagram ends by itself. */
export function writeUrlData(urlData: string): Buffer {
  const pieces: Buffer[] = []
  const bytes = Buffer.from(urlData, 'latin1')
  for (let at = 0; at < bytes.length; at += URL_DATA_BYTES_MAX) {
    const piece = bytes.subarray(at, at + URL_DATA_BYTES_MAX)
    pieces.push(Buffer.from([OPTION.urlData, piece.length]), piece)
  }
  return Buffer.concat(pieces)
}

const ANNOUNCE_PATH = /^\/announce\/([^/?]*)/

/** The passkey in the path of a tracker's URL, as in `/announce/PASSKEY`; empty where there is none. */
export const passkeyOf = (urlData: string): string => ANNOUNCE_PATH.exec(urlData)?.[1] ?? ''
