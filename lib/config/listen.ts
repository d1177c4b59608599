import { isIP } from 'node:net'
import { messageOf, OperatorError } from '../errors.ts'

/** Where a service listens. */
export type Listen = { address: string; port: number }

const LISTEN = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/

/** Reads `0.0.0.0:6969,[::]:6969`; undefined where a part is not an address and a port. */
export function parseListens(text: string): Listen[] | undefined {
  const listens: Listen[] = []
  for (const part of text.split(',')) {
    const match = LISTEN.exec(part.trim())
    const address = match?.[1] ?? match?.[2] ?? ''
    const port = Number(match?.[3])
    if (isIP(address) === 0 || !(port <= 65535)) return undefined
    listens.push({ address, port })
  }
  return listens
}

/** An address and a port as a URL has them. */
export const listenText = ({ address, port }: Listen): string =>
  isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`

/** What to tell an operator whose address cannot be listened on. */
export function listenError(protocol: string, setting: string, listen: Listen, error: unknown): OperatorError {
  const { code } = error as NodeJS.ErrnoException
  const why =
    code === 'EADDRINUSE'
      ? `port ${listen.port} is in use by another program: stop that, or set ${setting} to another port`
      : code === 'EACCES'
        ? `not allowed: ports below 1024 need a privilege; set ${setting} to another port`
        : code === 'EADDRNOTAVAIL'
          ? `this machine has no such address: set ${setting} to one that it has`
          : code === 'ENOTSUP'
            ? 'this system lets no two processes listen on one port: run one'
            : messageOf(error)
  return new OperatorError(`cannot listen on ${protocol} ${listenText(listen)}: ${why}`)
}

/** Whether an address could not be had because the host has no IPv6: no reason to stop where IPv4 is listened on. */
export function isMissingIpv6(listen: Listen, error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return listen.address === '::' && (code === 'EAFNOSUPPORT' || code === 'EADDRNOTAVAIL')
}
