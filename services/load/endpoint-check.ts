import { IPV4_ENDPOINT_BYTES } from '../../lib/wire/endpoint.ts'

/** What is wrong with one of the endpoints from `at` on; undefined where they are all somebody's. */
export function endpointProblem(
  bytes: Buffer,
  at: number,
  endpointBytes: number,
  end = bytes.length,
): string | undefined {
  for (let next = at; next < end; next += endpointBytes) {
    const portAt = next + endpointBytes - 2
    if (bytes[portAt] === 0 && bytes[portAt + 1] === 0) return 'a peer at port 0'
    if (bytes[next] === 0 && areZero(bytes, next, portAt))
      return endpointBytes === IPV4_ENDPOINT_BYTES ? 'a peer at 0.0.0.0' : 'a peer at ::'
  }
  return undefined
}

function areZero(bytes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}
