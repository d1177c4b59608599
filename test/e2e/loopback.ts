let taken = 0

/**
 * An address of its own in 127.0.0.0/8: clients take two peers at one address for one, or refuse the second. Made of the
 * process id, so that two runs on one machine stay apart. Linux answers on all of 127.0.0.0/8 without set-up.
 */
export function loopbackAddress(): string {
  taken += 1
  return `127.${(process.pid >> 8) & 255}.${process.pid & 255}.${10 + (taken % 240)}`
}
