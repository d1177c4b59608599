import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { killAtExit, temporaryFolder } from './at-exit.ts'
import { until } from './redis.ts'

/** A balancer that runs, set up by the file of this repository with other ports. */
export type Balancer = {
  pid: number
  /** What it wrote: to its error log, and to the terminal. */
  said: () => string
  stop: () => Promise<void>
}

/** Where a balancer listens and whom it asks: ports of 127.0.0.1. */
export type Ports = { udp?: number; http?: number; udpFrontends?: number[]; httpFrontends?: number[] }

const INFRA = join(import.meta.dirname, '../../infra')

/** The path of a configuration file of this repository. */
export const infraFile = (name: string): string => join(INFRA, name)

/** Why a test that needs a program cannot run; undefined where it can. */
export function missingProgram(name: string, packages: string): string | undefined {
  const { error } = spawnSync(name, ['-v'], { stdio: 'ignore' })
  return error && `${name} is not installed (Debian: ${packages})`
}

/** Why nginx with its stream module is not there. */
export const missingNginx = (): string | undefined => missingProgram('nginx', 'nginx-light libnginx-mod-stream')

/** Puts these ports in the place of those of the file. */
function withPorts(text: string, { udp = 0, http = 0, udpFrontends = [], httpFrontends = [] }: Ports): string {
  const ports: Record<string, number | undefined> = {
    ...{ 6969: udp, 7070: http, 443: http },
    ...{ 6971: udpFrontends[0], 6972: udpFrontends[1], 7071: httpFrontends[0], 7072: httpFrontends[1] },
  }
  // One that is not asked for must still be one.
  return text.replace(/(?<=(?:listen |bind |:))(?:6969|7070|443|697[12]|707[12])\b/g, (port) =>
    String(ports[port] || 9),
  )
}

/**
 * nginx by infra/nginx/redswarm.conf and, where there are certificates, https.conf, or that without TLS (`plain`).
 */
export async function startNginx(
  ports: Ports & { https?: { port: number; cert: string; key: string }; plain?: number },
): Promise<Balancer> {
  const { path: folder, remove } = await temporaryFolder('nginx')
  const file = (name: string) => join(folder, name)
  const moved = (text: string) =>
    text
      .replace(/(?<=error_log )\S+/g, file('error.log'))
      .replace(/(?<=pid )\S+(?=;)/, file('pid'))
      .replace('include /etc/nginx/conf.d/*.conf;', `${temporaryPaths(folder)}include ${folder}/conf.d-*.conf;`)
      // Its workers would have no right to the folder.
      .replace('user www-data;', process.getuid?.() === 0 ? 'user root;' : '')
  const main = moved(readFileSync(infraFile('nginx/redswarm.conf'), 'utf8'))
  // What is not asked for does not listen.
  const unused = [...(ports.udp ? [] : [6969]), ...(ports.http ? [] : [7070])]
  const listening = unused.reduce(
    (text, port) => text.replace(new RegExp(`    server \\{\\s+listen ${port} [^}]*\\}\\n`), ''),
    main,
  )
  await writeFile(file('nginx.conf'), withPorts(listening, ports))
  const { https, plain } = ports
  if (https || plain) {
    const text = moved(readFileSync(infraFile('nginx/https.conf'), 'utf8'))
      .replace(/(?<=ssl_certificate )\S+(?=;)/, https?.cert ?? '')
      .replace(/(?<=ssl_certificate_key )\S+(?=;)/, https?.key ?? '')
    const open = https ? text : text.replace(/^ +ssl_.*\n/gm, '').replaceAll(' ssl ', ' ')
    await writeFile(file('conf.d-https.conf'), withPorts(open, { ...ports, http: https?.port ?? plain ?? 0 }))
  }
  const args = ['-e', 'stderr', '-c', file('nginx.conf')]
  const tried = spawnSync('nginx', ['-t', ...args], { encoding: 'utf8' })
  if (tried.status !== 0) throw new Error(`nginx -t: ${tried.stderr}`)
  const log = () => readFileSync(file('error.log'), 'utf8')
  const nginx = await startBalancer('nginx', [...args, '-g', 'daemon off;'], [ports.http, https?.port, plain], {
    log,
    remove,
  })
  // Written once it listens, over UDP too; `nginx -t` has left it empty.
  await until('nginx to listen', () => readFileSync(file('pid'), 'utf8') !== '')
  return nginx
}

const temporaryPaths = (folder: string): string =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};\n`).join('')

/** HAProxy by infra/haproxy/redswarm.cfg. */
export async function startHaproxy(ports: Ports): Promise<Balancer> {
  const { path: folder, remove } = await temporaryFolder('haproxy')
  const file = join(folder, 'haproxy.cfg')
  const text = withPorts(readFileSync(infraFile('haproxy/redswarm.cfg'), 'utf8'), ports)
  const isRoot = process.getuid?.() === 0
  // HAProxy does not start where it may not have as many descriptors.
  await writeFile(
    file,
    (isRoot ? text : text.replace(/^ +(user|group) .*\n/gm, '')).replace(/maxconn \d+/, 'maxconn 500'),
  )
  return startBalancer('haproxy', ['-db', '-f', file], [ports.http], { log: () => '', remove })
}

async function startBalancer(
  command: string,
  args: string[],
  tcpPorts: (number | undefined)[],
  { log, remove }: { log: () => string; remove: () => Promise<void> },
): Promise<Balancer> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  killAtExit(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  }
  const isListening = async (port: number) => {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${said}`)
    const socket = connect(port, '127.0.0.1')
    const isConnected = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    return isConnected
  }
  for (const port of tcpPorts) if (port) await until(`${command} to listen at ${port}`, () => isListening(port))
  return {
    pid: child.pid ?? 0,
    said: () => log() + said,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit')
        child.kill('SIGTERM')
        await gone
      }
      await remove()
    },
  }
}
