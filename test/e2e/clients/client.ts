import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Child, startChild } from '../process.ts'
import type { Protocol } from '../tracker.ts'

/** Long enough to tell the tracker that it stops. */
const STOP_MS_MAX = 3_000

/** A real BitTorrent client, told to find peers by the tracker alone. */
export interface TorrentClient {
  readonly name: string
  /** Why it cannot run on this machine; undefined where it can. */
  missing(): string | undefined
  /** Whether it connects to a peer in 127.0.0.0/8 that the tracker names; all take a connection from one. */
  readonly dialsLoopback: boolean
  /** Over which protocols its `stopped` reaches the tracker when it is stopped in the way that we stop it. */
  readonly tellsThatItStops: readonly Protocol[]
  /** Seeds the torrent where the download folder holds its file, and leeches where it does not. */
  start(task: Task): Promise<Child>
}

export interface Task {
  /** The .torrent file. */
  readonly torrent: string
  /** Where the file is, or is to come. */
  readonly downloads: string
  /** For its settings and its home: it must not read or write those of the person who runs the tests. */
  readonly home: string
  /** Where it listens, and where its announces come from. */
  readonly address: string
  readonly port: number
  /** The words before its command, where it runs in a network of its own. */
  readonly within?: readonly string[]
}

export function startClient(command: string, args: readonly string[], { home, within = [] }: Task): Child {
  const env = { PATH: process.env.PATH, HOME: home }
  // On SIGTERM aria2 and transmission-cli leave without a word to the tracker.
  const [program = command, ...words] = [...within, command, ...args]
  return startChild({ command: program, args: words, env, cwd: home, stopSignal: 'SIGINT', stopMsMax: STOP_MS_MAX })
}

/** Says that a program is not on PATH, and which Debian package has it. */
export function missingProgram(command: string, debianPackage: string): string | undefined {
  return onPath(command) ? undefined : `${command} is not on PATH (Debian: apt-get install ${debianPackage})`
}

function onPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
