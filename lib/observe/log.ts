import { type Logger, pino } from 'pino'
import { secretNames } from '../config/schema.ts'

/** A log with levels and fields. */
export type { Logger } from 'pino'

/** The log: JSON lines on standard output, or lines for people where that is a terminal. Secret settings are cut out. */
export function makeLog(level: string, isTerminal: boolean): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: [...secretNames, 'token', '*.token', 'password', '*.password'],
    ...(isTerminal && {
      transport: {
        target: 'pino-pretty',
        options: { translateTime: 'SYS:HH:MM:ss', ignore: 'role', messageFormat: '{if role}{role}: {end}{msg}' },
      },
    }),
  })
}
