import type { Redis } from 'ioredis'
import { needDatabase } from './client.ts'
import { COMMAND_MS_MAX, SILENCE_MS_MAX } from './connect.ts'
import { connectionProblemOf, LATE } from './connection-problem.ts'
import { type CommandWriter, makeCommandWriter, makeReplyReader, type Reply, ReplyError } from './resp.ts'

/**
 * Sends a command that runs a script; rejects with an error that Redis answered, and where it did not answer in time. A call that
 * is not answered may have been done: it is never sent again, here or by who called. A client may do so: an announce that comes
 * twice in a row, of whatever event, changes nothing the second time.
 */
export type CallScript = (command: readonly (string | number | Buffer)[]) => Promise<Exclude<Reply, ReplyError>>

type Call = {
  resolve: (reply: Exclude<Reply, ReplyError>) => void
  reject: (error: Error) => void
  isAnswered: boolean
  isLate: boolean
  timer: NodeJS.Timeout | undefined
}

/** A connection for scripts. */
export type ScriptConnection = {
  call: CallScript
  /** Ends when it is connected, or the first try to has failed: it goes on trying. Calls wait for that. */
  ready: Promise<void>
}

const connections = new WeakMap<Redis, ScriptConnection>()

/** The script connection beside a connection: there is one for each, however often it is asked for. */
export function scriptConnectionOf(redis: Redis): ScriptConnection {
  const connection = connections.get(redis) ?? makeScriptConnection(redis)
  connections.set(redis, connection)
  return connection
}

/**
 * A connection for the scripts that a frontend runs all the time: to write its commands and read its replies takes
 * ioredis a seventh of a frontend's CPU. ioredis connects it, authenticates, and connects it again; from when it is ready, what
 * goes over it is ours. It ends with the connection that it is beside.
 */
function makeScriptConnection(redis: Redis): ScriptConnection {
  const own = redis.duplicate({ lazyConnect: true })
  const problem = connectionProblemOf(own)
  const calls: Call[] = []
  let write: CommandWriter | undefined

  const endCall = (): Call | undefined => {
    const call = calls.shift()
    if (!call) return undefined
    clearTimeout(call.timer)
    call.isAnswered = true
    return call
  }
  const answer = (reply: Reply): void => {
    const call = endCall()
    if (!(reply instanceof ReplyError)) return void call?.resolve(reply)
    call?.reject(reply)
    // As the connection beside does it, where another Redis may be the master now.
    if (redis.status === 'ready' && redis.options.reconnectOnError?.(reply)) redis.disconnect(true)
  }
  const take = (taken: Redis['stream']): void => {
    const reader = makeReplyReader()
    write = makeCommandWriter(taken)
    taken.removeAllListeners('data')
    taken.on('data', (bytes: Buffer) => {
      try {
        reader.add(bytes).forEach(answer)
      } catch (error) {
        taken.destroy(error as Error)
      }
    })
  }
  /**
   * Ends the connection, and has the system forget what it has not delivered: else it goes on trying for minutes, and once the way to Redis
   * is whole again, what was refused long ago is done after what was answered since. Over TLS there is no such end.
   */
  const giveUp = (reason: Error | undefined): void => {
    const stream = own.stream as Redis['stream'] | undefined
    // One that is given up already has told its reason.
    if (!stream || stream.destroyed) return
    if (!canReset(stream)) return void stream.destroy(reason)
    write = undefined
    stream.resetAndDestroy()
    // Not before: an error may have it ended.
    if (reason) own.emit('error', reason)
  }
  own.on('ready', () => take(own.stream))
  own.on('close', () => {
    write = undefined
    const lost = calls.length > 0 ? problem() : undefined
    while (calls.length > 0) endCall()?.reject(lost as Error)
  })
  // That Redis is lost is told by the other connection.
  own.on('error', () => {})
  needDatabase(own)
  // A server that is left, since it is a replica now or another one is the master, is left by both.
  let server = serverOf(redis.stream)
  let failure: Error | undefined
  redis.on('ready', () => {
    server = serverOf(redis.stream)
    failure = undefined
  })
  redis.on('error', (error: Error) => {
    failure = error
  })
  redis.on('close', () => {
    // Also where it is not ready: one that hangs never is. For the same reason, which calls are told.
    if (serverOf(own.stream) === server) giveUp(failure)
  })
  redis.once('end', () => own.disconnect())

  const ready = own.connect().catch(() => {})

  /** A late call keeps its place for its reply; a connection that says nothing for longer is given up. */
  const onLate = (call: Call): void => {
    if (call.isAnswered) return
    if (call.isLate) return void giveUp(new Error(LATE))
    call.isLate = true
    call.timer = setTimeout(onDue, SILENCE_MS_MAX - COMMAND_MS_MAX, call)
    call.reject(new Error(LATE))
  }
  /** Where this process stood still, its timers are due before it reads what came meanwhile: that is read first. */
  const onDue = (call: Call): void => void setImmediate(onLate, call)

  const call: CallScript = async (command) => {
    if (!write) await ready
    const send = write
    if (!send) throw problem()
    return new Promise((resolve, reject) => {
      const call: Call = { resolve, reject, isAnswered: false, isLate: false, timer: undefined }
      call.timer = setTimeout(onDue, COMMAND_MS_MAX, call)
      calls.push(call)
      send(command)
    })
  }
  return { call, ready }
}

/**
 * Whether it is connected, over TCP alone: a unix socket has no address. One that is just being ended cannot be reset: the system refuses
 * (EINVAL), and Node then never closes it.
 */
const canReset = (stream: Redis['stream']): boolean =>
  !('encrypted' in stream) && stream.remoteAddress !== undefined && !stream.connecting && !stream.writableEnded

const serverOf = (stream: Redis['stream'] | undefined): string => `${stream?.remoteAddress} ${stream?.remotePort}`
