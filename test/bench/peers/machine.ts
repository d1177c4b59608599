import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { findRedis } from '../../../services/cli/setup.mjs'

/** The machine of a run, and the programs that all trackers share. */
export async function describeMachine(): Promise<{ cpu: string; cores: number; node: string; redis: string }> {
  const program = (await findRedis({ install: false }))?.path ?? 'redis-server'
  const redis = /v=(\S+)/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1] ?? 'unknown'
  return { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version, redis }
}
