import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { get, type IncomingMessage, STATUS_CODES } from 'node:http'
import { isIP } from 'node:net'
import { type Listen, listenText } from '../../lib/config/listen.ts'
import { messageOf } from '../../lib/errors.ts'
import { ACTION, writeConnectRequest } from '../../lib/wire/udp-request.ts'

/** How long a service may take to answer: as long as it waits for its Redis. */
const ANSWER_MS_MAX = 2000
/** A connect reply (BEP 15): action, transaction id, connection id. */
const CONNECT_REPLY_BYTES = 16
/** Each check has a socket of its own, so that one number will do for all. */
const TRANSACTION_ID = 0x68656c6f

/** The services that can be asked. */
export type ServiceKind = 'udp' | 'http' | 'api'

/** What was found of a service, in Torrust's shape. */
export type CheckReport = {
  service_binding: string
  binding: string
  service_type: string
  info: string
  result: { Ok: string } | { Err: string }
}

/** Asks a service whether it serves, as a client would: over its socket. Never rejects. */
export async function checkService(kind: ServiceKind, listen: Listen): Promise<CheckReport> {
  const binding = listenText(listen)
  const { protocol, type, info, ask } = CHECKS[kind]
  const result = await ask(reachable(listen)).then(
    (text) => ({ Ok: text }),
    (error: unknown) => ({ Err: messageOf(error) }),
  )
  return { service_binding: `${protocol}://${binding}`, binding, service_type: type, info: info(binding), result }
}

type Check = {
  protocol: string
  type: string
  info: (binding: string) => string
  /** Fails where the service does not answer as it should. */
  ask: (at: Listen) => Promise<string>
}

const CHECKS: Record<ServiceKind, Check> = {
  udp: {
    protocol: 'udp',
    type: 'udp_tracker',
    info: (binding) => `checking the udp tracker health check at: ${binding}`,
    ask: askUdp,
  },
  http: {
    protocol: 'http',
    type: 'http_tracker',
    info: (binding) => `checking http tracker health check at: http://${binding}/health_check`,
    ask: (at) => askHttp(at, '/health_check'),
  },
  api: {
    protocol: 'http',
    type: 'tracker_rest_api',
    info: (binding) => `checking api health check at: http://${binding}/api/health_check`,
    ask: (at) => askHttp(at, '/api/health_check'),
  },
}

/** What listens on all addresses is asked at the loopback. */
function reachable({ address, port }: Listen): Listen {
  if (address === '0.0.0.0') return { address: '127.0.0.1', port }
  return { address: address === '::' ? '::1' : address, port }
}

/** Asks for a connection id. */
async function askUdp({ address, port }: Listen): Promise<string> {
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4')
  const signal = AbortSignal.timeout(ANSWER_MS_MAX)
  try {
    const connected = once(socket, 'connect', { signal })
    // Connected, the socket hears nobody else, and hears that nobody listens there.
    socket.connect(port, address)
    await connected
    const answered = once(socket, 'message', { signal }) as Promise<[Buffer]>
    socket.send(writeConnectRequest(TRANSACTION_ID))
    const [reply] = await answered
    const isRight =
      reply.length >= CONNECT_REPLY_BYTES &&
      reply.readUInt32BE(0) === ACTION.connect &&
      reply.readUInt32BE(4) === TRANSACTION_ID
    if (!isRight) throw new Error('the answer is no connect reply')
    return 'Connected'
  } catch (error) {
    throw lateOr(signal, error)
  } finally {
    socket.close()
  }
}

async function askHttp({ address, port }: Listen, path: string): Promise<string> {
  const signal = AbortSignal.timeout(ANSWER_MS_MAX)
  try {
    // No connection is kept: it would hold up the stop of what is asked.
    const request = get({ host: address, port, path, agent: false, signal })
    const [response] = (await once(request, 'response', { signal })) as [IncomingMessage]
    response.resume()
    const { statusCode = 0 } = response
    const status = `${statusCode} ${STATUS_CODES[statusCode] ?? ''}`.trim()
    if (statusCode !== 200) throw new Error(status)
    return status
  } catch (error) {
    throw lateOr(signal, error)
  }
}

const lateOr = (signal: AbortSignal, error: unknown): unknown =>
  signal.aborted ? new Error(`no answer within ${ANSWER_MS_MAX / 1000} s`) : error
