/** What a command takes from outside: the time of this machine, milliseconds since the epoch, and chance. */
export type Outside = { nowMs: () => number; chance: (bytes: number) => Buffer; version: string }
