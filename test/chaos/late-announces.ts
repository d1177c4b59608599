import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { loadScript } from '../../lib/store/scripts.ts'
import type { RedisServer } from './redis-server.ts'

/** A line of MONITOR about a call of a function: when, whose, and which. */
const MONITORED = /^\+([\d.]+) \[\d+ ([^\]]+)\] "FCALL" "([^"]+)"/i
/** The state of a connection that is open, as Linux tells it. */
const ESTABLISHED = '01'

/** A call with announces that came to Redis: from which address, and when, by the clock of this process. */
export type AnnounceCall = { client: string; atMs: number }

/** The connections that a Redis has at one of its addresses, by the addresses of their clients. */
export async function connectionsAt({ redis }: RedisServer, address: string): Promise<ReadonlySet<string>> {
  const lines = String(await redis.client('LIST')).split('\n')
  const [own, client] = [new RegExp(` laddr=${address.replaceAll('.', '\\.')}:`), / addr=(\S+)/]
  return new Set(lines.flatMap((line) => (own.test(line) ? [client.exec(line)?.[1] ?? ''] : [])))
}

/** The addresses of this network's IPv4 connections that their own side has not given up. */
export function heldConnections(): ReadonlySet<string> {
  const rows = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1)
  const held = rows.map((row) => row.trim().split(/\s+/)).filter(([, , , state]) => state === ESTABLISHED)
  return new Set(held.map(([, local = '']) => addressOf(local)))
}

/** An address and port as Linux tells them: in hex, the bytes of the address from the last to the first. */
function addressOf(local: string): string {
  const [address = '', port = ''] = local.split(':')
  const bytes = Array.from(Buffer.from(address, 'hex')).reverse()
  return `${bytes.join('.')}:${Number.parseInt(port, 16)}`
}

/** Looks at all calls with announces that come to a Redis from now on, until it is told to stop. */
export async function watchAnnounces({ port }: RedisServer): Promise<{ calls: AnnounceCall[]; stop: () => void }> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1')
  socket.write('MONITOR\r\n')
  const { id } = loadScript('announce')
  const calls: AnnounceCall[] = []
  let rest = ''
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const [, atS, client = '', name] = MONITORED.exec(line) ?? []
      if (name === id) calls.push({ client, atMs: Number(atS) * 1000 - performance.timeOrigin })
    }
  })
  // It has answered: from now on it tells.
  await once(socket, 'data')
  return { calls, stop: () => void socket.destroy() }
}
