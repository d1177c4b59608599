import type { Redis } from 'ioredis'
import { loadPeopleLibrary } from '../../lib/store/people-library.ts'

/** The lines that a function shows; the error where it answers with one. The library is loaded first. */
export async function show(redis: Redis, name: string, ...rest: (string | number)[]): Promise<string[]> {
  await loadPeopleLibrary(redis)
  return (await redis.call('FCALL_RO', name, ...rest)) as string[]
}

/** A text with the same in the place of all times, and one space between columns. */
export const comparableTimes = (text: string): string =>
  text
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, 'DATE UTC')
    .replace(/\b(in )?\d+ (?:s|min|h|d)( ago)?\b/g, '$1SOME$2')
    .replace(/ +/g, ' ')
