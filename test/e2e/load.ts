import { type ChildProcess, spawn } from 'node:child_process'
import { killAtExit } from '../support/at-exit.ts'

const SIZE = ['--torrents', '3000', '--peers', '20000']

/** A load that runs beside what is pictured, of so many requests a second, until it is ended. */
export function startLoad(protocol: 'udp' | 'http', url: string, rate: number, ...more: string[]): ChildProcess {
  const args = ['load', protocol, url, '--seconds', '3600', '--rate', String(rate), ...SIZE, ...more]
  const child = spawn(process.execPath, ['services/main.ts', ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  killAtExit(child)
  return child
}
