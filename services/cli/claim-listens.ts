import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { isMissingIpv6, type Listen, listenError, listenText } from '../../lib/config/listen.ts'
import type { Logger } from '../../lib/observe/log.ts'
import { toLocal } from '../../lib/udp/socket.ts'

type Claim = { listen: Listen; release: () => Promise<unknown> }

/**
 * Makes sure that addresses are free for processes that will share them, and finds a port where port 0 is asked for. The
 * system itself would let them share with another tracker of the same user, and each would get half of the clients.
 * Throws an OperatorError where an address cannot be had.
 */
export async function claimListens(
  protocol: 'udp' | 'http',
  listens: readonly Listen[],
  setting: string,
  log: Logger,
): Promise<Listen[]> {
  const claims: Claim[] = []
  try {
    for (const listen of listens) {
      try {
        claims.push(await (protocol === 'udp' ? claimUdp : claimTcp)(listen))
      } catch (error) {
        if (listens.length === 1 || !isMissingIpv6(listen, error)) throw listenError(protocol, setting, listen, error)
        log.warn(`no IPv6 here: not listening on ${protocol} ${listenText(listen)}`)
      }
    }
    return claims.map(({ listen }) => listen)
  } finally {
    await Promise.all(claims.map(({ release }) => release()))
  }
}

async function claimUdp(listen: Listen): Promise<Claim> {
  const { address } = toLocal(listen)
  const isIpv6 = address.includes(':')
  const socket = createSocket({ type: isIpv6 ? 'udp6' : 'udp4', ipv6Only: isIpv6 })
  socket.bind(listen.port, address)
  await once(socket, 'listening')
  const { port } = socket.address()
  return { listen: { address, port }, release: () => once(socket.close(), 'close') }
}

async function claimTcp({ address, port }: Listen): Promise<Claim> {
  const server = createServer()
  server.listen({ host: address, port, ipv6Only: address.includes(':') && !/^::ffff:/i.test(address) })
  await once(server, 'listening')
  const bound = (server.address() as { port: number }).port
  return { listen: { address, port: bound }, release: () => once(server.close(), 'close') }
}
