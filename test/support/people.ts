import type { Redis } from 'ioredis'
import { loadPeopleLibrary } from '../../lib/store/people-library.ts'
import type { InfoHash } from '../../lib/wire/info-hash.ts'
import { announceOf, at } from './store.ts'

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

/** Announces of a torrent by as many peers, a third of them seeders, each with an address of its own. */
export const crowd = (infoHash: InfoHash, count: number) =>
  Array.from({ length: count }, (_, i) =>
    announceOf({ infoHash, endpoint: at(`10.0.${i >> 8}.${i & 255}`, 1000 + i), isSeeder: i % 3 === 0 }),
  )
