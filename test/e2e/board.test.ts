import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { boardPanels, linesOf } from '../board/board.ts'
import { missingPrometheus, startPrometheus } from '../board/prometheus.ts'
import { startScene } from '../board/scene.ts'
import { skipWithout } from './skip.ts'
import { waitFor } from './wait.ts'

const RULES = readFileSync(new URL('../../infra/prometheus/rules.yml', import.meta.url), 'utf8')
const LOAD_S = 12
const FIRES_MS_MAX = 20_000

describe('Prometheus on a tracker', () => {
  it('has data for every panel of the dashboard under load, and fires an alert when Redis dies', async (ctx) => {
    skipWithout(ctx, missingPrometheus())
    const scene = await startScene()
    try {
      // An operator would wait for half a minute: what is tried is that it fires, and for what.
      const prometheus = await startPrometheus(
        scene.metrics,
        RULES.replace(/(?<=RedswarmRedisAway\n(?:(?! +- alert).*\n)*? +for: )30s/, '1s'),
      )
      try {
        await scene.audit()
        await scene.load(LOAD_S, 400)
        const blank: string[] = []
        for (const panel of boardPanels()) {
          const lines = await linesOf(panel, prometheus, LOAD_S)
          if (!lines.some(({ points }) => points.length > 0)) blank.push(panel.title)
        }
        expect(blank).toEqual([])
        const early = (await prometheus.alerts()).filter(({ state }) => state === 'firing')
        expect(early.map(({ name }) => name)).toEqual([])
        scene.killRedis()
        const firing = async () =>
          (await prometheus.alerts()).some(({ name, state }) => name === 'RedswarmRedisAway' && state === 'firing')
        await waitFor(firing, FIRES_MS_MAX, () => 'RedswarmRedisAway does not fire')
      } finally {
        await prometheus.stop()
      }
    } finally {
      await scene.stop()
    }
  })
})
