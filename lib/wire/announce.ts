import type { Endpoint } from './endpoint.ts'
import type { InfoHash } from './info-hash.ts'

/** BEP 15's numbers of the events; a regular announce has none. */
export const EVENT = { none: 0, completed: 1, started: 2, stopped: 3 } as const

/** One of BEP 15's four events. */
export type Event = (typeof EVENT)[keyof typeof EVENT]

/** Bytes of a report: peer_id 20, downloaded 8, left 8, uploaded 8, in the order of a BEP 15 announce. */
export const REPORT_BYTES = 44

/** What a client announces, whichever protocol it speaks. */
export type AnnounceRequest = {
  infoHash: InfoHash
  /** Where the peer listens: the address that it sent from, or that it may name, and the port that it named. */
  endpoint: Endpoint
  /** Where it sent from: what it is allowed goes by this. */
  sender: Endpoint
  /** What the client says of itself: `REPORT_BYTES` bytes. */
  report: Buffer
  event: Event
  /** How many peers it wants; negative where it leaves that to the tracker. */
  numwant: number
  /** Whether it wants peer ids beside the endpoints (BEP 3's list of dictionaries). */
  wantsPeerIds: boolean
  /** The passkey of a private tracker's user; empty where there is none. */
  passkey: string
}

const LEFT_AT = 28

/** Whether the reporting client is a seeder: it has nothing left to download. */
export const reportsSeeder = (report: Buffer): boolean =>
  report.readUInt32BE(LEFT_AT) === 0 && report.readUInt32BE(LEFT_AT + 4) === 0

/** The parts of a report. */
export function readReport(report: Buffer): { peerId: Buffer; downloaded: bigint; left: bigint; uploaded: bigint } {
  return {
    peerId: report.subarray(0, 20),
    downloaded: report.readBigUInt64BE(20),
    left: report.readBigUInt64BE(LEFT_AT),
    uploaded: report.readBigUInt64BE(36),
  }
}

/** A report made of its parts. */
export function makeReport(peerId: Buffer, downloaded: bigint, left: bigint, uploaded: bigint): Buffer {
  const report = Buffer.allocUnsafe(REPORT_BYTES)
  peerId.copy(report, 0, 0, 20)
  report.writeBigUInt64BE(downloaded, 20)
  report.writeBigUInt64BE(left, LEFT_AT)
  report.writeBigUInt64BE(uploaded, 36)
  return report
}
