import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { makePlaces, takeLock } from '../../lib/store/data-folder.ts'
import { type PrivateRedis, startPrivateRedis } from '../../lib/store/private-redis.ts'
import { findRedis } from '../../services/cli/setup.mjs'
import { until } from '../support/redis.ts'

const folder = fs.mkdtempSync(join(tmpdir(), 'redswarm-private-'))
const serverPath = (await findRedis({ install: false }))?.path ?? ''

/** Kills what works in the folder and removes it once its standard input ends: also where the test itself is killed. */
const REAPER = `cat >/dev/null
for again in 1 2; do for p in /proc/[0-9]*; do
  case "$(readlink $p/cwd)" in "$1"/*) kill -9 "\${p#/proc/}" ;; esac
done; sleep 0.1; done 2>/dev/null
rm -rf "$1"`
const reaper = spawn('sh', ['-c', REAPER, 'sh', folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })

/** A tracker of its own process: it tells where its Redis is; any input makes it exit without a stop. */
const TRACKER = `
import { startPrivateRedis } from ${JSON.stringify(new URL('../../lib/store/private-redis.ts', import.meta.url))}
import { pino } from ${JSON.stringify(import.meta.resolve('pino'))}
process.on('SIGINT', () => {})
process.stdin.once('data', () => process.exit())
const [serverPath, dataDir] = process.argv.slice(1)
console.log((await startPrivateRedis({ serverPath, dataDir, log: pino({ level: 'silent' }) })).url)`

const stops: (() => Promise<void>)[] = []
const logged: string[] = []

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()))
  vi.unstubAllEnvs()
  logged.length = 0
})

afterAll(async () => {
  reaper.stdin.end()
  await once(reaper, 'exit')
})

const newFolder = (name = 'data') => join(fs.mkdtempSync(join(folder, 'f')), name)

async function start(dataDir: string): Promise<PrivateRedis> {
  const log = pino({ base: null }, { write: (line) => void logged.push(line) })
  const redis = await startPrivateRedis({ serverPath, dataDir, log })
  stops.push(redis.stop)
  return redis
}

async function startTracker(dataDir: string): Promise<{ tracker: ChildProcess; url: string }> {
  fs.mkdirSync(dataDir, { recursive: true })
  const args = ['--input-type=module', '-e', TRACKER, serverPath, dataDir]
  const tracker = spawn(process.execPath, args, { cwd: dataDir, detached: true, stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = await once(tracker.stdout, 'data')
  return { tracker, url: String(line).trim() }
}

async function kill(tracker: ChildProcess): Promise<void> {
  tracker.kill('SIGKILL')
  await once(tracker, 'exit')
}

async function ask(url: string, command: string, ...args: string[]): Promise<unknown> {
  const redis = new Redis({ path: url.slice('unix://'.length), protocol: 2, retryStrategy: () => null })
  redis.on('error', () => {})
  return redis.call(command, ...args).finally(() => redis.disconnect())
}

const pidOf = async (url: string) => Number(/process_id:(\d+)/.exec(String(await ask(url, 'INFO', 'server')))?.[1])

/** Kills a Redis and waits until another serves in its place. */
async function replace(url: string, meanwhile = async () => {}): Promise<void> {
  const pid = await pidOf(url)
  process.kill(pid, 'SIGKILL')
  await meanwhile()
  await until('another Redis serves', async () => (await pidOf(url).catch(() => pid)) !== pid)
}

/** Makes the AOF one that no Redis can load; what it returns makes it good again. */
function damage(dataDir: string): () => void {
  const aof = join(dataDir, 'redis', 'appendonlydir', 'appendonly.aof.1.incr.aof')
  const bytes = fs.statSync(aof).size
  fs.appendFileSync(aof, 'no command\r\n')
  return () => fs.truncateSync(aof, bytes)
}

const modeOf = (path: string) => (fs.statSync(path).mode & 0o777).toString(8)

describe('a private Redis', () => {
  it('keeps its data over a stop and a start, and leaves nothing else behind', async () => {
    const dataDir = newFolder()
    const { url, stop } = await start(dataDir)
    await ask(url, 'SET', 'swarm', 'here')
    await Promise.all([stop(), stop()])
    expect(fs.readdirSync(dataDir)).toEqual(['redis'])
    expect(await ask((await start(dataDir)).url, 'GET', 'swarm')).toBe('here')
  })

  it('is open to its owner alone, saves by its AOF and throws nothing away', async () => {
    const dataDir = newFolder()
    const { url } = await start(dataDir)
    expect(url).toBe(`unix://${dataDir}/redis.sock`)
    for (const name of ['.', 'redis', 'redis.sock']) expect(modeOf(join(dataDir, name))).toBe('700')
    const settings = ['port', 'appendonly', 'appendfsync', 'save', 'maxmemory-policy', 'dir']
    const values = settings.map(async (name) => ((await ask(url, 'CONFIG', 'GET', name)) as string[])[1])
    expect(await Promise.all(values)).toEqual(['0', 'yes', 'everysec', '', 'noeviction', join(dataDir, 'redis')])
  })

  it('is started again, with its data, when it is killed', async () => {
    const { url } = await start(newFolder())
    await ask(url, 'SET', 'swarm', 'here')
    await replace(url)
    expect(await ask(url, 'GET', 'swarm')).toBe('here')
    expect(logged.join('')).toContain('killed by SIGKILL')
  })

  it('is tried again until it starts, and the log says why it does not', async () => {
    const dataDir = newFolder()
    const { url } = await start(dataDir)
    const mend = damage(dataDir)
    await replace(url, async () => {
      await until('the log tells the reason', () => logged.join('').includes('Bad file format'))
      mend()
    })
  })

  it('says why it cannot start at all, and leaves nothing behind', async () => {
    const dataDir = newFolder()
    await (await start(dataDir)).stop()
    damage(dataDir)
    await expect(start(dataDir)).rejects.toThrow(/did not start: exit code 1.*Bad file format.*\n.*redis\.log/)
    expect(fs.readdirSync(dataDir)).toEqual(['redis'])
  })

  it('of a killed tracker is taken over: kept running, and stopped with its data', async () => {
    const dataDir = newFolder()
    const { tracker, url } = await startTracker(dataDir)
    const pid = await pidOf(url)
    await kill(tracker)
    const { stop } = await start(dataDir)
    expect(await pidOf(url)).toBe(pid)
    await ask(url, 'SET', 'swarm', 'here')
    await replace(url)
    expect(await ask(url, 'GET', 'swarm')).toBe('here')
    await stop()
    expect(fs.readdirSync(dataDir)).toEqual(['redis'])
  })

  it('of another folder is left alone', async () => {
    const [dataDir, otherDir] = [newFolder(), newFolder()]
    const { url } = await start(otherDir)
    fs.mkdirSync(dataDir, { recursive: true })
    fs.symlinkSync(join(otherDir, 'redis.sock'), join(dataDir, 'redis.sock'))
    await expect(start(dataDir)).rejects.toThrow(`a Redis of ${join(otherDir, 'redis')}`)
    expect(await ask(url, 'PING')).toBe('PONG')
  })
})

describe('a tracker with a private Redis', () => {
  it('has its data folder to itself, also of several that start at once after a kill', async () => {
    const dataDir = newFolder()
    await kill((await startTracker(dataDir)).tracker)
    const starts = await Promise.allSettled(Array.from({ length: 5 }, () => start(dataDir)))
    expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(start(dataDir)).rejects.toThrow(/another redswarm is running on .*\n.*REDSWARM_DATA_DIR/)
  })

  it('is one, however many take a folder at once, on what a killed one left', async () => {
    for (let i = 0; i < 20; i++) {
      const places = await makePlaces(newFolder())
      fs.mkdirSync(join(places.dataDir, 'up.000000'))
      const taken = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(places)))
      const locks = taken.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
      expect(locks).toHaveLength(1)
      locks[0]?.close()
    }
  })

  it('is not held up by what it cannot remove, and says so where it can make no socket', async () => {
    const dataDir = newFolder()
    await kill((await startTracker(dataDir)).tracker)
    fs.mkdirSync(join(dataDir, 'up.sock', 'in-the-way'), { recursive: true })
    await (await start(dataDir)).stop()
    expect(fs.readdirSync(dataDir)).toEqual(['redis', 'up.sock'])
    const places = await makePlaces(dataDir)
    const taken = takeLock({ ...places, socketDir: join(dataDir, 'not-there') })
    await expect(taken).rejects.toThrow(/^cannot make a socket in the data folder.*\n.*REDSWARM_DATA_DIR/)
  })

  it('does not hand a Ctrl-C on to Redis, and lets it save where it exits without a stop', async () => {
    const dataDir = newFolder()
    const { tracker, url } = await startTracker(dataDir)
    process.kill(-Number(tracker.pid), 'SIGINT')
    await ask(url, 'SET', 'swarm', 'here')
    tracker.stdin?.write('exit')
    await until('Redis has ended', () => !fs.existsSync(join(dataDir, 'redis.sock')))
    expect(await ask((await start(dataDir)).url, 'GET', 'swarm')).toBe('here')
  })

  it('has its sockets in a short folder where the path is too long, if that is its own', async () => {
    const temporary = newFolder('tmp')
    fs.mkdirSync(temporary, { recursive: true })
    vi.stubEnv('TMPDIR', temporary)
    const dataDir = newFolder('x'.repeat(100))
    const { url, stop } = await start(dataDir)
    const short = join(temporary, fs.readdirSync(temporary)[0] ?? '')
    expect([url, modeOf(short)]).toEqual([`unix://${short}/redis.sock`, '700'])
    await stop()
    expect(fs.readdirSync(temporary)).toEqual([])
    fs.symlinkSync(folder, short)
    await expect(start(dataDir)).rejects.toThrow('does not belong to us alone')
  })
})
