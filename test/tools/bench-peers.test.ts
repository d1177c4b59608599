import { describe, expect, it } from 'vitest'
import { runLoad } from '../bench/peers/load.ts'
import { redswarm } from '../bench/peers/redswarm.ts'
import type { RunningTracker } from '../bench/peers/tracker.ts'

const SHAPE = { seconds: 2, torrents: 100, peers: 200, numwant: 30 }

async function withRedswarm(test: (tracker: RunningTracker) => Promise<void>): Promise<void> {
  const tracker = await redswarm.start({ protocol: 'udp', infoHashes: [], numwant: SHAPE.numwant })
  try {
    await test(tracker)
  } finally {
    await tracker.stop()
  }
}

describe('a load of a comparison', () => {
  it('tells what the tracker took', () =>
    withRedswarm(async (tracker) => {
      const { cpuUsPerResponse, responses, wrong } = await runLoad(tracker, SHAPE)
      expect(wrong).toBe(0)
      expect(responses).toBeGreaterThan(100)
      for (const part of ['frontend', 'Redis']) expect(cpuUsPerResponse[part]).toBeGreaterThan(0)
    }))

  it('fails where the tracker dies under it', () =>
    withRedswarm(async (tracker) => {
      const kill = () => process.kill(tracker.pids.frontend as number, 'SIGKILL')
      const load = runLoad(tracker, SHAPE, { onLoading: () => setTimeout(kill, 500) })
      await expect(load).rejects.toThrow('ended while it was loaded: frontend')
    }))

  it('fails by what went wrong when it was filled', () =>
    withRedswarm(async (tracker) => {
      const onLoading = () => {
        throw new Error('nothing to read')
      }
      await expect(runLoad(tracker, SHAPE, { onLoading })).rejects.toThrow('nothing to read')
    }))
})
