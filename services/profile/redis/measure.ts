import { fieldsOf } from '../../../lib/store/check-server.ts'
import { mainThreadCpuUs } from '../../../lib/store/info.ts'
import { endSlowLog, type SlowCall, startSlowLog } from './slowlog.ts'
import { type CommandCost, type CommandLatency, type Redis, readCommandStats, readLatencies } from './stats.ts'

/** What the measured seconds cost inside Redis. Times are sums; `announces` is what they are divided by. */
export type RedisCosts = {
  seconds: number
  announces: number
  /** CPU time of the thread that runs commands, and of all others (the one that brings the AOF to disk). */
  mainThreadUs: number
  otherThreadsUs: number
  commands: CommandCost[]
  latencies: CommandLatency[]
  slow: SlowCall[]
  slowerThanUs: number
  aof: { isOn: boolean; bytes: number; rewrites: number; delayedFsyncs: number }
}

/** What takes longer than this is kept with what it was: twice what a full call of announces takes. */
export const SLOWER_THAN_US = 1000

/** A measurement under way; `end` is told how many announces were answered meanwhile. */
export type Measurement = { end: (announces?: number) => Promise<RedisCosts> }

/**
 * Begins to measure: all that Redis counts is counted from here. No rewrite of the AOF begins from now on, so that the
 * seconds measured are of announces only.
 */
export async function beginMeasurement(redis: Redis, uptimeMs = () => performance.now()): Promise<Measurement> {
  await keepFromRewriting(redis)
  await startSlowLog(redis, SLOWER_THAN_US)
  await redis.call('CONFIG', ['RESETSTAT'])
  const before = await readInfo(redis)
  const startMs = uptimeMs()
  return {
    async end(announces = 0) {
      const seconds = (uptimeMs() - startMs) / 1000
      const after = await readInfo(redis)
      const commandText = await redis.info('commandstats')
      const latencyText = await redis.info('latencystats')
      const histograms = await redis.call('LATENCY', ['HISTOGRAM'])
      const grown = (field: string) => Number(after.get(field)) - Number(before.get(field))
      const mainThreadUs = mainThreadCpuUs(after) - mainThreadCpuUs(before)
      return {
        seconds,
        announces,
        mainThreadUs,
        otherThreadsUs: Math.max(0, 1e6 * (grown('used_cpu_user') + grown('used_cpu_sys')) - mainThreadUs),
        commands: readCommandStats(commandText).filter(isOfLoad),
        latencies: readLatencies(latencyText, histograms).filter(isOfLoad),
        slow: await endSlowLog(redis),
        slowerThanUs: SLOWER_THAN_US,
        aof: {
          isOn: after.get('aof_enabled') === '1',
          bytes: grown('aof_current_size') || 0,
          rewrites: grown('aof_rewrites') || 0,
          delayedFsyncs: grown('aof_delayed_fsync') || 0,
        },
      }
    },
  }
}

/** A rewrite forks, and the copies of pages that it makes necessary would be counted as the announces'. */
export async function keepFromRewriting(redis: Redis): Promise<void> {
  await redis.config('SET', 'auto-aof-rewrite-percentage', '0')
}

/** What this measuring asks itself is none of the load. */
const isOfLoad = ({ command }: { command: string }): boolean => !/^(CONFIG|INFO|SLOWLOG|LATENCY)\b/.test(command)

async function readInfo(redis: Redis): Promise<Map<string, string>> {
  return new Map([...fieldsOf(await redis.info('cpu')), ...fieldsOf(await redis.info('persistence'))])
}
