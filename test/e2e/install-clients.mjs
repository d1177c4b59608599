// Installs the BitTorrent clients, the browser and the Prometheus that the tests in this folder drive, where that can be done without
// asking: on Debian and its kin, as root or with a sudo that wants no password. Elsewhere it says so, and the tests skip
// what is missing.
// Plain JavaScript, so that it runs on the Node that a machine has (18 or later).
import { spawnSync } from 'node:child_process'

/** Each group by itself: where one cannot be had, the other can. */
const GROUPS = {
  'BitTorrent clients': ['aria2', 'python3-libtorrent', 'transmission-cli'],
  'browser for the dashboard': ['chromium'],
  'Prometheus for the board': ['prometheus'],
}
/** Another apt-get is waited for, an archive that does not answer is not. */
const PATIENCE = ['-o', 'DPkg::Lock::Timeout=60', '-o', 'Acquire::http::Timeout=15']

const succeeds = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
const isInstalled = (name) =>
  /^Status: .* installed$/m.test(spawnSync('dpkg', ['-s', name], { encoding: 'utf8' }).stdout ?? '')

/** How a command becomes one of root's; undefined where that would need a password. */
function rootPrefix() {
  if (process.getuid?.() === 0) return []
  return succeeds('sudo', ['-n', 'true']) ? ['sudo', '-n'] : undefined
}

/** Runs apt-get without questions. RUNLEVEL=1: no service that a package brings is started. */
function aptGet(prefix, ...args) {
  const settings = ['env', 'LC_ALL=C', 'DEBIAN_FRONTEND=noninteractive', 'NEEDRESTART_SUSPEND=1', 'RUNLEVEL=1']
  const [command, ...rest] = [...prefix, ...settings, 'apt-get', ...PATIENCE, ...args]
  return spawnSync(command, rest, { encoding: 'utf8' })
}

function install(prefix, missing) {
  const once = () => aptGet(prefix, 'install', '-y', '--no-install-recommends', ...missing)
  const first = once()
  if (first.status === 0) return first
  // The lists of a fresh machine are empty or old.
  aptGet(prefix, 'update')
  return once()
}

function provide(packages) {
  if (!succeeds('apt-get', ['--version']))
    return `no apt-get here: tests of ${packages.join(', ')} are skipped where these are not installed`
  const missing = packages.filter((name) => !isInstalled(name))
  if (missing.length === 0) return `${packages.join(', ')}: all installed`
  const prefix = rootPrefix()
  if (!prefix)
    return `not root: tests that need ${missing.join(', ')} are skipped (apt-get install ${missing.join(' ')})`
  const { status, stderr } = install(prefix, missing)
  if (status === 0) return `installed ${missing.join(', ')}`
  const reason = stderr?.trim().split('\n').at(-1)
  return `tests that need ${missing.join(', ')} are skipped: apt-get failed: ${reason}`
}

for (const [name, packages] of Object.entries(GROUPS)) console.log(`${name}: ${provide(packages)}`)
