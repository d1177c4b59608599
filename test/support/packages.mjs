// Installs programs that tests drive: on Debian and its kin, as root or with a sudo that wants no password. Elsewhere it says so.
// Plain JavaScript, so that it runs on the Node that a machine has (18 or later).
import { spawnSync } from 'node:child_process'

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

/** Has packages of Debian installed where that can be done without asking; answers what came of it. */
export function provide(packages) {
  if (!succeeds('apt-get', ['--version']))
    return `no apt-get here: what needs ${packages.join(', ')} is left out where these are not installed`
  const missing = packages.filter((name) => !isInstalled(name))
  if (missing.length === 0) return `${packages.join(', ')}: all installed`
  const prefix = rootPrefix()
  if (!prefix) return `not root: what needs ${missing.join(', ')} is left out (apt-get install ${missing.join(' ')})`
  const { status, stderr } = install(prefix, missing)
  if (status === 0) return `installed ${missing.join(', ')}`
  const reason = stderr?.trim().split('\n').at(-1)
  return `what needs ${missing.join(', ')} is left out: apt-get failed: ${reason}`
}
