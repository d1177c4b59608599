import type { Counters } from '../../lib/observe/counters.ts'
import type { Datagram } from '../../lib/udp/socket.ts'
import { type Endpoint, isIpv6 } from '../../lib/wire/endpoint.ts'
import { readProxyHeader } from '../../lib/wire/proxy-header.ts'
import { REQUEST_HEAD_BYTES } from '../../lib/wire/udp-request.ts'
import type { Send } from './datagram.ts'

type Handle = (batch: readonly Datagram[], send: Send) => Promise<void>

/**
 * Shortest datagram that is answered in any case: the shortest request. What is shorter is not: it may be the empty answer of another
 * tracker to what somebody sent in our name, and the two would answer each other without end.
 */
const ANSWERED_BYTES_MIN = REQUEST_HEAD_BYTES

/**
 * Lets a handler see the datagrams of trusted proxies as their clients sent them: without the header of the PROXY protocol, and
 * with the client's address; the replies go back to the proxy. What a proxy sends without saying where the client is does not
 * reach the handler: its own address is no peer's.
 *
 * What the handler leaves unanswered has an empty datagram as its answer. nginx takes a frontend for dead that does not answer, so
 * that anybody could have all of them taken out with some garbage.
 */
export function behindProxies(
  handle: Handle,
  { isProxy, counters }: { isProxy: (source: Endpoint) => boolean; counters: Counters },
): Handle {
  return async (batch, send) => {
    const direct: Datagram[] = []
    const families: Record<'ipv4' | 'ipv6', Datagram[]> = { ipv4: [], ipv6: [] }
    const unanswered = new Set<ViaProxy>()
    for (const datagram of batch) {
      if (!isProxy(datagram.source)) {
        direct.push(datagram)
        continue
      }
      const header = readProxyHeader(datagram.payload)
      if (typeof header !== 'object') {
        counters[header === 'none' ? 'proxy_silent' : 'proxy_broken'] += 1
        continue
      }
      const via: ViaProxy = { proxy: datagram.source, via: datagram.via }
      const payload = datagram.payload.subarray(header.bytes)
      if (payload.length >= ANSWERED_BYTES_MIN) unanswered.add(via)
      const { source } = header
      if (!source || isProxy(source)) counters.proxy_silent += 1
      else families[isIpv6(source) ? 'ipv6' : 'ipv4'].push({ payload, source, via })
    }
    const sendToProxy: Send = (replies) => {
      for (const { via } of replies) unanswered.delete(via as ViaProxy)
      send(replies.map(toProxy))
    }
    const { ipv4, ipv6 } = families
    await Promise.all([
      ...(direct.length > 0 ? [handle(direct, send)] : []),
      ...[ipv4, ipv6].filter(({ length }) => length > 0).map((part) => handle(part, sendToProxy)),
    ])
    if (unanswered.size > 0) send([...unanswered].map(({ proxy, via }) => ({ payload: NOTHING, source: proxy, via })))
  }
}

const NOTHING = Buffer.alloc(0)

/** What a reply needs to find its way back. */
type ViaProxy = { proxy: Endpoint; via: unknown }

function toProxy({ payload, via }: Datagram): Datagram {
  const { proxy, via: own } = via as ViaProxy
  return { payload, source: proxy, via: own }
}
