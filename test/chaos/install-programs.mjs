// Installs what the faults in this folder are made with, where that can be done without asking: on Debian and its kin, as root or with a
// sudo that wants no password. Elsewhere it says so, and the faults that need what is missing are left out.
// Plain JavaScript, so that it runs on the Node that a machine has (18 or later).
import { provide } from '../support/packages.mjs'

/** Each group by itself: where one cannot be had, the other can. */
const GROUPS = {
  'networks that fail': ['nftables', 'iproute2'],
  'clocks that are wrong': ['libfaketime'],
  'limits of a process, namespaces': ['util-linux'],
}

// What is printed otherwise may be read by a program (--json).
for (const [name, packages] of Object.entries(GROUPS)) console.error(`${name}: ${provide(packages)}`)
