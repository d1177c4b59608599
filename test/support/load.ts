import { spawn } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { writeConnectReply } from '../../lib/wire/udp-reply.ts'
import type { LoadReport } from '../../services/load/report.ts'

/** How a load ended, and what it said. */
export type Run = { code: number | null; stdout: string; stderr: string }

/** Runs `redswarm load` with these arguments; `meanwhile` gets the process. */
export async function load(
  args: string[],
  meanwhile?: (child: ReturnType<typeof spawn>, stderr: () => string) => Promise<void>,
  program = 'test/tools/load-alone.ts',
): Promise<Run> {
  const child = spawn(process.execPath, [program, 'load', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const closed = once(child, 'close')
  await meanwhile?.(child, () => stderr)
  const [code] = (await closed) as [number | null]
  return { code, stdout, stderr }
}

/** A load of a second, small enough for any machine. */
export const SMALL = [
  '--warm-up',
  '0',
  '--seconds',
  '1',
  '--torrents',
  '500',
  '--peers',
  '1000',
  '--outstanding',
  '64',
  '--addresses',
  '8',
]
/** What it told as JSON. */
export const report = (run: Run): LoadReport => JSON.parse(run.stdout) as LoadReport
/** The reply to a connect request. */
export const connected = (request: Buffer): Buffer => writeConnectReply(request.readUInt32BE(12), Buffer.alloc(8, 1))

/** A socket that answers datagrams as it is told to, or not. */
export async function answering(answer: (request: Buffer) => Buffer | undefined): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.on('message', (request, { port, address }) => {
    const reply = answer(request)
    if (reply) socket.send(reply, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}
