import type { InfoHash } from '../../lib/wire/info-hash.ts'
import type { Sent } from './load.ts'

/** Requests of some swarms that had no answer, or a refusal, though nothing was wrong with what they need. */
export function unansweredOf(
  sent: readonly Sent[],
  swarms: readonly { infoHash: InfoHash }[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
): string[] {
  const infoHashes = new Set(swarms.map(({ infoHash }) => infoHash))
  return sent
    .filter(({ infoHash, sentMs }) => infoHashes.has(infoHash) && sentMs > fromMs && sentMs < toMs)
    .filter(({ outcome, endMs }) => Number.isFinite(endMs) && outcome !== 'answered')
    .map(({ infoHash, place, way, outcome, why, sentMs, endMs }) => {
      const what = `${infoHash.toString('hex')} ${place} ${way}: ${outcome} ${why}`.trim()
      return `${what}, in ${Math.round(endMs - sentMs)} ms, sent after ${Math.round(sentMs - fromMs)} ms`
    })
}
