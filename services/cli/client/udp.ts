import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { parseUdpReply, type UdpReply } from '../../../lib/wire/udp-reply.ts'
import { ACTION, writeConnectRequest } from '../../../lib/wire/udp-request.ts'
import type { Outside } from '../outside.ts'
import { type Answer, answered, failed, networkReason } from './answer.ts'
import { hostOf, type Target } from './target.ts'

/**
 * A datagram that is not answered is sent again after a second, then two, four: a person waits. (BEP 15 has clients,
 * which ask for hours, wait 15 s.)
 */
const RESEND_MS_MIN = 1000

/** A UDP tracker that has given a connection id. */
export type UdpTracker = {
  connectionId: Buffer
  isIpv6: boolean
  /** Asks, and answers the tracker's reply of that action; an error reply is a refusal. */
  ask: <A extends Action>(action: A, write: (transactionId: number) => Buffer) => Promise<Answer<ReplyOf<A>>>
}

type Action = Exclude<UdpReply['action'], typeof ACTION.error>
type ReplyOf<A extends Action> = Extract<UdpReply, { action: A }>

/** Connects to a UDP tracker (BEP 15) and does something with it; all together within the target's time. */
export async function withUdpTracker<T>(
  { url, family, timeoutMs }: Target,
  { chance }: Outside,
  use: (tracker: UdpTracker) => Promise<Answer<T>>,
): Promise<Answer<T>> {
  const late = AbortSignal.timeout(timeoutMs)
  const opened = await openSocket(hostOf(url), Number(url.port), family, late)
  if (!opened.ok) return opened
  const { socket, isIpv6 } = opened.value
  const ask: UdpTracker['ask'] = (action, write) => exchange(socket, late, chance(4).readUInt32BE(), action, write)
  try {
    const connected = await ask(ACTION.connect, writeConnectRequest)
    return connected.ok ? await use({ connectionId: connected.value.connectionId, isIpv6, ask }) : connected
  } finally {
    socket.close()
  }
}

/** A connected socket hears nobody but the tracker, and hears that nobody listens there. */
async function openSocket(
  host: string,
  port: number,
  family: Target['family'],
  late: AbortSignal,
): Promise<Answer<{ socket: Socket; isIpv6: boolean }>> {
  try {
    const lost = new Promise<never>((_, reject) => late.addEventListener('abort', () => reject(TOO_LATE)))
    const { address, family: its } = await Promise.race([lookup(host, { family }), lost])
    const socket = createSocket(its === 6 ? 'udp6' : 'udp4')
    const connected = once(socket, 'connect', { signal: late })
    socket.connect(port, address)
    await connected.catch((error) => {
      socket.close()
      throw error
    })
    return answered({ socket, isIpv6: its === 6 })
  } catch (error) {
    return failed('no answer', late.aborted ? TOO_LATE.message : networkReason(error))
  }
}

const TOO_LATE = new Error('no answer in time')

function exchange<A extends Action>(
  socket: Socket,
  late: AbortSignal,
  transactionId: number,
  action: A,
  write: (transactionId: number) => Buffer,
): Promise<Answer<ReplyOf<A>>> {
  const { promise, resolve } = Promise.withResolvers<Answer<ReplyOf<A>>>()
  const datagram = write(transactionId)
  let stray: string | undefined
  let timer: NodeJS.Timeout | undefined
  const send = (nextMs: number): void => {
    socket.send(datagram)
    timer = setTimeout(send, nextMs, 2 * nextMs)
  }
  const onMessage = (reply: Buffer): void => {
    if (isForOther(reply, transactionId)) stray = strayReason(reply)
    else resolve(readReply(reply, action))
  }
  const onError = (error: Error): void => resolve(failed('no answer', networkReason(error)))
  const onLate = (): void => resolve(stray ? failed('bad answer', stray) : failed('no answer', TOO_LATE.message))
  socket.on('message', onMessage).on('error', onError)
  late.addEventListener('abort', onLate)
  if (late.aborted) onLate()
  else send(RESEND_MS_MIN)
  return promise.finally(() => {
    clearTimeout(timer)
    socket
      .off('message', onMessage)
      .off('error', onError)
      .on('error', () => {})
    late.removeEventListener('abort', onLate)
  })
}

const HEAD_BYTES = 8

/** BEP 15 has a client pass over what bears another transaction id; it may be late, or forged. */
const isForOther = (reply: Buffer, transactionId: number): boolean =>
  reply.length < HEAD_BYTES || reply.readUInt32BE(4) !== transactionId

const strayReason = (reply: Buffer): string =>
  reply.length < HEAD_BYTES
    ? `only an answer of ${reply.length} bytes came, too short for one of BEP 15`
    : 'only an answer with another transaction id came'

function readReply<A extends Action>(reply: Buffer, action: A): Answer<ReplyOf<A>> {
  const read = parseUdpReply(reply)
  if (!read.ok) return failed('bad answer', `an answer of ${reply.length} bytes is cut off, or not one of BEP 15`)
  const { value } = read
  if (value.action === ACTION.error) return failed('refused', value.message)
  if (value.action !== action) return failed('bad answer', `the answer has action ${value.action}, not ${action}`)
  return answered(value as ReplyOf<A>)
}
