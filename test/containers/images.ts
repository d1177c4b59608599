import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GenericContainer, type StartedTestContainer } from 'testcontainers'

/** The servers that Redswarm is for, as the images that operators run. */
export const IMAGES = ['redis:7.0', 'redis:7.4', 'redis:8', 'valkey/valkey:7.2', 'valkey/valkey:8', 'valkey/valkey:9']

/** What images call their server. */
const PROGRAMS = ['valkey-server', 'redis-server']
const PORT = 6379

/** A server as its image starts it. */
export type StartedImage = {
  /** Its version, as it says itself: `Redis server v=7.0.15`. */
  version: string
  url: string
  /** Copies the server program out of the image; the path of a command that runs it on this machine. */
  takeProgram: (folder: string) => Promise<string>
  stop: () => Promise<void>
}

/** Starts a container of an image. Throws where the engine does not have it and cannot get it. */
export async function startImage(image: string): Promise<StartedImage> {
  const container = await new GenericContainer(image).withExposedPorts(PORT).start()
  try {
    const program = await programOf(container)
    const version = (await container.exec([program, '--version'])).output.trim().split(' sha=')[0] as string
    return {
      version,
      url: `redis://${container.getHost()}:${container.getMappedPort(PORT)}`,
      takeProgram: (folder) => takeProgram(container, program, folder),
      stop: async () => void (await container.stop()),
    }
  } catch (error) {
    await container.stop()
    throw error
  }
}

async function programOf(container: StartedTestContainer): Promise<string> {
  for (const name of PROGRAMS) {
    const { exitCode, output } = await container.exec(['sh', '-c', `command -v ${name}`])
    if (exitCode === 0 && output.trim() !== '') return output.trim()
  }
  throw new Error(`the image has none of ${PROGRAMS.join(', ')}`)
}

/**
 * The suite stops, pauses and kills its servers, and has Clusters of them: it needs processes, not containers. What runs is the
 * image's own program, with the loader and the libraries of the image.
 */
async function takeProgram(container: StartedTestContainer, program: string, folder: string): Promise<string> {
  const { output } = await container.exec(['ldd', program])
  const libraries = [...output.matchAll(/(\/\S+)/g)].map(([, path]) => path as string)
  const loader = libraries.find((path) => /\/ld-[^/]*\.so/.test(path))
  if (!loader) throw new Error(`no loader among the libraries of ${program}`)
  mkdirSync(folder, { recursive: true })
  for (const path of [program, ...libraries]) await copyOut(container, path, join(folder, nameOf(path)))
  const command = join(folder, 'server')
  const run = `exec "${join(folder, nameOf(loader))}" --library-path "${folder}" "${join(folder, nameOf(program))}" "$@"`
  writeFileSync(command, `#!/bin/sh\n${run}\n`, { mode: 0o755 })
  return command
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** Links are followed in the container: an archive would have them as links. */
async function copyOut(container: StartedTestContainer, path: string, target: string): Promise<void> {
  const { output } = await container.exec(['readlink', '-f', path])
  const archive = (await container.copyArchiveFromContainer(output.trim())) as Readable
  const parts: Buffer[] = []
  await pipeline(
    archive,
    new Writable({
      write(part: Buffer, _encoding, done) {
        parts.push(part)
        done()
      },
    }),
  )
  writeFileSync(target, onlyFileOf(Buffer.concat(parts)), { mode: 0o755 })
}

const TAR_BLOCK_BYTES = 512

/** The contents of an archive of one file (POSIX ustar; its size is octal at 124). */
function onlyFileOf(archive: Buffer): Buffer {
  const bytes = Number.parseInt(archive.toString('latin1', 124, 136), 8)
  return archive.subarray(TAR_BLOCK_BYTES, TAR_BLOCK_BYTES + bytes)
}
