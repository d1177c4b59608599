import { createWriteStream } from 'node:fs'
import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { messageOf, OperatorError } from '../../../lib/errors.ts'
import { printable } from '../../../lib/observe/table.ts'
import { onStopSignals } from '../../../lib/signals.ts'
import { EXIT } from '../redis.ts'

/**
 * Writes texts into a file, compressed where its name ends in .gz. It has its name once it is whole, and until then, and where it
 * cannot be written or a signal ends it, what had the name before has it still. Nobody else may read it: it has keys and addresses.
 * Into what is no file, a pipe or a device, it is written as it comes.
 */
export async function writeWhole(file: string, texts: AsyncIterable<string>): Promise<void> {
  const stop = new AbortController()
  const leaveSignals = onStopSignals(
    (signal) => stop.abort(new OperatorError(`stopped by ${signal}: there is no new ${printable(file)}`)),
    () => process.exit(EXIT.notRun),
  )
  const write = async (sink: Writable): Promise<void> => {
    const source = Readable.from(texts, { objectMode: false })
    const { signal } = stop
    await (file.endsWith('.gz') ? pipeline(source, createGzip(), sink, { signal }) : pipeline(source, sink, { signal }))
  }
  try {
    const found = await stat(file).catch(() => undefined)
    if (found?.isDirectory()) throw new OperatorError(`cannot write ${printable(file)}: it is a folder`)
    if (found && !found.isFile()) {
      // There is nothing to take back, and where nobody reads a pipe, the process could not end but by the signal itself.
      leaveSignals()
      await write(createWriteStream(file))
    } else {
      // A link stays, and leads to the new file.
      await writeAside(found ? await realpath(file) : file, write)
    }
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason
    const { code, syscall } = error as NodeJS.ErrnoException
    // Those of Redis's connection are told by who called.
    if (code === undefined || !/^(?:open|write|rename|unlink|fsync|close|rm|stat)$/.test(syscall ?? '')) throw error
    throw new OperatorError(`cannot write ${printable(file)}: ${messageOf(error)}`)
  } finally {
    leaveSignals()
  }
}

async function writeAside(file: string, write: (sink: Writable) => Promise<void>): Promise<void> {
  const part = `${file}.part`
  // What one that was killed has left.
  await rm(part, { force: true })
  const handle = await open(part, 'wx', 0o600)
  const { ino } = await handle.stat()
  const isOurs = async (): Promise<boolean> => (await stat(part).catch(() => undefined))?.ino === ino
  try {
    await write(handle.createWriteStream({ flush: true }))
    // Another one that was begun later took this one's part for such a leftover, and writes its own.
    if (!(await isOurs())) throw new OperatorError(`another export writes ${printable(file)}: this one has ended`)
    await rename(part, file)
  } catch (error) {
    if (await isOurs()) await rm(part, { force: true }).catch(() => {})
    throw error
  }
}
