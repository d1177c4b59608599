import { setTimeout as sleep } from 'node:timers/promises'
import { type Job, Queue, Worker } from 'bullmq'
import { isRedisReply, messageOf } from '../../lib/errors.ts'
import type { Logger } from '../../lib/observe/log.ts'
import { endConnection, type RedisClient } from '../../lib/store/client.ts'

const QUEUE_NAME = 'sweeper'
/** How often the rankings are made anew. */
const RANK_EVERY_MS = 5 * 60_000
/** How long a stop waits for a job in work: pieces of a sweep are short, but Redis may be away. */
const DRAIN_MS_MAX = 3000
/** Finished jobs that are kept to be looked at. */
export const JOBS_KEPT = 20
/** Events of jobs that are kept, some more at times: nobody reads them, and BullMQ would keep 10,000, a megabyte. */
export const JOB_EVENTS_KEPT = 100

/** A running sweeper. */
export type SweeperService = { stop: () => Promise<void> }

/**
 * Starts a sweeper: BullMQ's scheduler makes one job per interval, however many sweepers there are, and any of them
 * takes it. `sweep` and `rank` are told when to end early. Where Redis is full, BullMQ can write no job and no schedule, but a
 * sweep is what makes room: one that is overdue is run without a job.
 */
export async function startSweeperService({
  connection,
  prefix,
  sweepIntervalS,
  sweep,
  isOverdue,
  rank,
  log,
}: {
  /** One of ioredis, which waits for Redis; it ends with the sweeper. */
  connection: RedisClient
  prefix: string
  sweepIntervalS: number
  sweep: (isStopping: () => boolean) => Promise<object>
  /** Whether sweeps have not come for long, whoever's they are. */
  isOverdue: () => Promise<boolean>
  rank: (isStopping: () => boolean) => Promise<object>
  log: Logger
}): Promise<SweeperService> {
  let isStopping = false
  const shared = { connection, prefix }
  const queue = new Queue(QUEUE_NAME, { ...shared, streams: { events: { maxLen: JOB_EVENTS_KEPT } } })
  const run = (job: Job): Promise<object> => (job.name === 'rank' ? rank : sweep)(() => isStopping)
  const worker = new Worker(QUEUE_NAME, run, { ...shared, concurrency: 2 })
  let told = ''
  const onError = (error: Error) => {
    const reason = messageOf(error)
    if (!isRedisReply(error)) return log.debug({ reason }, 'the job queue waits for Redis')
    if (reason !== told) log.error({ reason }, 'the job queue meets an error of Redis')
    told = reason
  }
  queue.on('error', onError)
  worker.on('error', onError)
  worker.on('failed', (job, error) => log.warn({ job: job?.name, reason: messageOf(error) }, 'a job failed'))
  worker.on('completed', (job, result) => log.debug({ job: job.name, ...result }, 'job done'))
  const kept = { removeOnComplete: { count: JOBS_KEPT }, removeOnFail: { count: JOBS_KEPT } }
  let isScheduled = false
  const schedule = async (): Promise<void> => {
    if (isScheduled) return
    await queue.upsertJobScheduler('sweep', { every: sweepIntervalS * 1000 }, { name: 'sweep', opts: kept })
    await queue.upsertJobScheduler('rank', { every: RANK_EVERY_MS }, { name: 'rank', opts: kept })
    isScheduled = true
  }
  await schedule().catch((error: Error) => {
    if (!isRedisReply(error) || !error.message.startsWith('OOM')) throw error
    onError(error)
  })
  let isSweeping = false
  const sweepIfOverdue = async (): Promise<void> => {
    if (isSweeping || isStopping || !(await isOverdue())) return
    isSweeping = true
    // It may be gone with a master whose last writes no replica had.
    isScheduled = false
    log.warn('sweeps are overdue: sweeping without the job queue')
    await sweep(() => isStopping).finally(() => {
      isSweeping = false
    })
  }
  const timer = setInterval(() => {
    schedule().catch(onError)
    sweepIfOverdue().catch(onError)
  }, sweepIntervalS * 1000)
  return {
    async stop() {
      isStopping = true
      clearInterval(timer)
      // Without Redis, BullMQ would wait for it to come back; a job that is left in work is another sweeper's.
      await Promise.race([Promise.all([worker.close(), queue.close()]), sleep(DRAIN_MS_MAX, undefined, { ref: false })])
      endConnection(connection)
    },
  }
}
