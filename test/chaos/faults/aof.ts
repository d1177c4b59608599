import { spawnSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { mkdir, readdir, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeRandom } from '../../../lib/random.ts'
import { temporaryFolder } from '../../support/at-exit.ts'
import { until } from '../../support/redis.ts'
import type { Fault, Moments } from '../fault.ts'
import { countLoss } from '../loss.ts'
import { type OneRedisScene, onOneRedis } from '../one-redis.ts'
import { type RedisServer, writtenMs } from '../redis-server.ts'

/** Announces that are in no file yet when the power goes, as the disk was slow: more than `everysec` allows. */
const UNSYNCED_MS = 2000
/** Some units of what scripts did, of which the cut is in any. */
const CUT_BYTES_MAX = 20_000
const FULL_MS = 4000
/** Room for some seconds of announces. */
const DISK_BYTES = 32 << 20

/** The file that Redis appends to. */
async function appendedFile({ folder }: RedisServer): Promise<string> {
  const files = await readdir(join(folder, 'appendonlydir'))
  return join(
    folder,
    'appendonlydir',
    files
      .filter((name) => name.endsWith('.incr.aof'))
      .sort()
      .at(-1) as string,
  )
}

/**
 * The power goes, and the disk has what was on it `UNSYNCED_MS` before, and some bytes more, which end anywhere: Redis is
 * killed, and its file cut there. It reads the file to the last unit that is whole.
 */
async function cutPower(scene: OneRedisScene): Promise<Moments> {
  const { server, load, seed } = scene
  const sinceMs = await writtenMs(server)
  const { size: bytes } = await stat(await appendedFile(server))
  await sleep(UNSYNCED_MS)
  await load.pause()
  const fromMs = performance.now()
  await server.kill()
  const file = await appendedFile(server)
  const before = (await stat(file)).size
  await truncate(file, bytes + Math.floor(makeRandom(seed)() * Math.min(CUT_BYTES_MAX, before - bytes)))
  await server.start()
  const healedMs = await server.untilServes()
  const lost = await countLoss(scene, sinceMs)
  load.resume()
  const note = `of ${before - bytes} bytes that were written since, ${before - (await stat(file)).size} at least cut off`
  return { fromMs, healedMs, isUntimed: true, loss: { sinceMs, lost }, note }
}

/** Writes a file until its disk is full. */
function fill(path: string): void {
  const block = Buffer.alloc(4096)
  try {
    for (;;) appendFileSync(path, block)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

/** The disk that the append-only file is on is full for a while. */
async function fillDisk({ server, problems }: OneRedisScene): Promise<Moments> {
  const ballast = join(server.folder, 'ballast')
  const fromMs = performance.now()
  fill(ballast)
  await sleep(FULL_MS)
  const status = async () => /aof_last_write_status:(\w+)/.exec(await server.redis.info('persistence'))?.[1]
  if ((await status()) !== 'err') problems.push('Redis did not meet a full disk')
  await rm(ballast)
  await until('Redis to write again', async () => (await status()) === 'ok')
  return { fromMs, healedMs: performance.now() }
}

/** Why a small disk cannot be mounted here. */
async function missingMount(): Promise<string | undefined> {
  const { path, remove } = await temporaryFolder('mount')
  const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', 'none', path], { encoding: 'utf8' })
  if (status === 0) spawnSync('umount', ['--lazy', path])
  await remove()
  return status === 0 ? undefined : `no small disk can be mounted (${(error?.message ?? stderr).trim()})`
}

/** A disk of few bytes, in memory; it goes with this process at the latest. */
async function mountDisk(folder: string): Promise<{ disk: string; unmount: () => void }> {
  const disk = join(folder, 'disk')
  await mkdir(disk)
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'none', disk])
  if (status !== 0) throw new Error(`mount: ${stderr}`)
  const unmount = () => void spawnSync('umount', ['--lazy', disk])
  process.once('exit', unmount)
  return { disk, unmount }
}

export const aofFaults: readonly Fault[] = [
  {
    name: 'power lost: the append-only file ends 2 s before, in the middle of anything',
    isShort: true,
    stage: onOneRedis(cutPower),
  },
  {
    name: 'the disk of the append-only file full for 4 s',
    mayRefuse: ['read_only'],
    missing: missingMount,
    async stage(stage) {
      const { disk, unmount } = await mountDisk(stage.folder)
      const staged = await onOneRedis(fillDisk, { redisFolder: disk })(stage)
      const stop = async () => {
        await staged.scene.stop()
        unmount()
      }
      return { ...staged, scene: { ...staged.scene, stop } }
    },
  },
]
