import type { Redis } from 'ioredis'
import { makeKeys } from '../../lib/store/keys.ts'
import { until } from './redis.ts'

const DONE = `${makeKeys('').jobs}:sweeper:completed`

/** BullMQ's worker waits so long for a job before it looks by itself, and as long again where it was cut meanwhile. */
const WORKER_LOOKS_S = 2 * 5

/**
 * The next job may be lost with a master that is killed: another is made once sweeps have been overdue, which is after
 * three intervals told in whole seconds, and one each to look, to make the schedule, and for the job to come.
 */
export const jobMadeAnewMsMax = (sweepIntervalS: number): number => 1000 * (6 * sweepIntervalS + 2 + WORKER_LOOKS_S)

/** Waits until a sweeper has done another job than those so far. */
export async function untilJobDone(redis: Redis, msMax?: number): Promise<void> {
  const lastMs = async () => Number((await redis.zrevrange(DONE, 0, 0, 'WITHSCORES'))[1])
  const nowMs = Date.now()
  await until('another job to be done', async () => (await lastMs()) > nowMs, msMax)
}
