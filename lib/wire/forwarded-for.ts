import { type Endpoint, toEndpoint } from './endpoint.ts'

/**
 * Where the client is for whom trusted proxies speak: the right-most address of X-Forwarded-For that is none of theirs, with
 * a port. Undefined where they do not say, or say what is no address: a proxy's own is no client's.
 */
export function forwardedFor(
  header: string | string[] | undefined,
  port: number,
  isProxy: (source: Endpoint) => boolean,
): Endpoint | undefined {
  const hops = String(header ?? '').split(',')
  return hops.map((hop) => toEndpoint(hop.trim(), port)).findLast((hop) => !hop || !isProxy(hop))
}
