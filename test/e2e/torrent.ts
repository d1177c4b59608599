import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import bencode from 'bencode'
import type { Protocol } from './tracker.ts'

const PAYLOAD_BYTES = 1024 * 1024
/** 16 pieces: enough that clients ask for several at once, as they do in life. */
const PIECE_BYTES = 64 * 1024

export const PAYLOAD_NAME = 'payload.bin'

/** A torrent of one random file, known to nobody else. */
export interface Torrent {
  /** The .torrent file for each way to the tracker; the torrent, which its info hash names, is the same. */
  readonly paths: Readonly<Record<Protocol, string>>
  readonly infoHash: Buffer
  readonly payload: Buffer
  readonly sha256: string
}

/** Writes .torrent files into the folder. They are private (BEP 27): peers are found by the tracker and by nothing else. */
export async function makeTorrent(folder: string, announceUrl: Readonly<Record<Protocol, string>>): Promise<Torrent> {
  const payload = randomBytes(PAYLOAD_BYTES)
  const info = {
    length: PAYLOAD_BYTES,
    name: PAYLOAD_NAME,
    'piece length': PIECE_BYTES,
    pieces: pieceHashes(payload),
    private: 1,
  }
  const paths = { udp: join(folder, 'udp.torrent'), http: join(folder, 'http.torrent') }
  await writeFile(paths.udp, bencode.encode({ announce: announceUrl.udp, info }))
  await writeFile(paths.http, bencode.encode({ announce: announceUrl.http, info }))
  const infoHash = createHash('sha1').update(bencode.encode(info)).digest()
  return { paths, infoHash, payload, sha256: sha256(payload) }
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

function pieceHashes(payload: Buffer): Buffer {
  const hashes: Buffer[] = []
  for (let at = 0; at < payload.length; at += PIECE_BYTES) {
    hashes.push(
      createHash('sha1')
        .update(payload.subarray(at, at + PIECE_BYTES))
        .digest(),
    )
  }
  return Buffer.concat(hashes)
}
