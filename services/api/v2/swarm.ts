import { ApiError } from '../errors.ts'

/** What is read of a swarm; 404 where there is none, and what is damaged is named. */
export async function readSwarm<T>(hex: string, read: () => Promise<T | undefined>): Promise<T> {
  const found = await read().catch((error: Error) => {
    throw isDamage(error) ? new ApiError(500, 'store_damaged', `what Redis has of ${hex} is damaged`) : error
  })
  if (found === undefined) throw new ApiError(404, 'not_found', `no torrent ${hex} is known`)
  return found
}

/** Where bytes are missing, reading throws a RangeError. */
const isDamage = (error: Error): boolean => error instanceof RangeError || error.message.startsWith('damaged')
