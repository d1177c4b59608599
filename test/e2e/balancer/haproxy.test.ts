import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { infraFile, missingProgram, startHaproxy } from '../../support/balancer.ts'
import { freePort } from '../../support/free-port.ts'
import { announce, get } from '../../support/http-client.ts'
import { until, useRedis } from '../../support/redis.ts'
import { startTracker } from '../../support/tracker.ts'
import { skipWithout } from '../skip.ts'

describe('HAProxy before two frontends', () => {
  const server = useRedis()

  it('brings the addresses of clients, finds a frontend gone before clients do, and tells them where none is left', async (ctx) => {
    skipWithout(ctx, missingProgram('haproxy', 'haproxy'))
    const checked = spawnSync('haproxy', ['-c', '-f', infraFile('haproxy/redswarm.cfg')], { encoding: 'utf8' })
    expect(checked.stdout + checked.stderr).toContain('Configuration file is valid')
    const settings = { REDSWARM_TRUSTED_PROXIES: '127.0.0.1', REDSWARM_LOG_LEVEL: 'error' }
    const frontends = await Promise.all([1, 2].map(() => startTracker(server().url, { roles: ['http'], settings })))
    const http = await freePort()
    const haproxy = await startHaproxy({
      http,
      httpFrontends: frontends.map(({ httpUrl }) => Number(new URL(httpUrl).port)),
    })
    try {
      const own = async (url: string, from: string) => (await announce(url, {}, from))['external ip']
      expect(await own(`http://127.0.0.1:${http}`, '127.0.0.5')).toBe('\x7f\0\0\x05')
      expect(await own(`http://[::1]:${http}`, '::1')).toBe(`${'\0'.repeat(15)}\x01`)
      expect((await get(`http://127.0.0.1:${http}/health_check`, {}, '127.0.0.5')).status).toBe(404)
      await frontends[0]?.stop()
      for (let i = 0; i < 6; i++) expect(await own(`http://127.0.0.1:${http}`, '127.0.0.5')).toBe('\x7f\0\0\x05')
      await frontends[1]?.stop()
      const failure = async () =>
        (await announce(`http://127.0.0.1:${http}`, {}, '127.0.0.5').catch(() => undefined))?.['failure reason']
      await until('the failure', async () => (await failure()) === 'the tracker is away for now, please try again')
    } finally {
      await haproxy.stop()
      await Promise.all(frontends.map(({ stop }) => stop()))
    }
  })
})
