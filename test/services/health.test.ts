import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { makeLifecycle } from '../../lib/lifecycle.ts'
import { checkService } from '../../services/health/checks.ts'
import { call, errorIn } from '../support/api.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { withTracker } from '../support/tracker.ts'

type Detail = { service_type: string; binding: string; info: string; result: { Ok?: string; Err?: string } }

describe('the health service', () => {
  const server = useRedis()

  it('answers / with nothing, and a check in the shape of Torrust: each service, really asked', () =>
    withTracker(server().url, {}, async ({ healthUrl, udp, http, api }) => {
      expect((await call(`${healthUrl}/`, { token: '' })).text).toBe('{}')
      const { status, headers, text } = await call(`${healthUrl}/health_check`, { token: '' })
      const [u, h, a] = [udp[0]?.port, http[0]?.port, api[0]?.port].map((port) => `127.0.0.1:${port}`)
      expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
      expect(text).toBe(
        '{"status":"Ok","message":"","details":[' +
          `{"service_binding":"udp://${u}","binding":"${u}","service_type":"udp_tracker",` +
          `"info":"checking the udp tracker health check at: ${u}","result":{"Ok":"Connected"}},` +
          `{"service_binding":"http://${h}","binding":"${h}","service_type":"http_tracker",` +
          `"info":"checking http tracker health check at: http://${h}/health_check","result":{"Ok":"200 OK"}},` +
          `{"service_binding":"http://${a}","binding":"${a}","service_type":"tracker_rest_api",` +
          `"info":"checking api health check at: http://${a}/api/health_check","result":{"Ok":"200 OK"}}]}`,
      )
    }))

  it('runs beside the API, and asks what runs in its process, on all its addresses', async () => {
    await withTracker(server().url, { roles: ['udp', 'http'] }, async ({ health }) => expect(health).toEqual([]))
    const settings = { REDSWARM_UDP_LISTEN: '0.0.0.0:0,[::]:0', REDSWARM_API_LISTEN: '[::1]:0' }
    await withTracker(server().url, { roles: ['api', 'udp'], settings }, async ({ healthUrl, udp, api }) => {
      const { details } = JSON.parse((await call(`${healthUrl}/health_check`)).text) as { details: Detail[] }
      const found = details.map(({ binding, result }) => [binding, result.Ok])
      expect(found).toEqual([
        [`0.0.0.0:${udp[0]?.port}`, 'Connected'],
        [`[::]:${udp[1]?.port}`, 'Connected'],
        [`[::1]:${api[0]?.port}`, '200 OK'],
      ])
    })
  })

  it('tells with 503 which service has trouble, and when it is over', async () => {
    const redis = await startRedis()
    try {
      await withTracker(redis.url, {}, async ({ healthUrl }) => {
        redis.process.kill('SIGKILL')
        const check = () => call(`${healthUrl}/health_check`)
        await until('the loss to be seen', async () => (await check()).status === 503)
        const { status, message, details } = JSON.parse((await check()).text)
        expect([status, message]).toEqual(['Error', 'health check failed'])
        const results = (details as Detail[]).map(({ service_type: type, result }) => [type, result])
        const away = { Err: '503 Service Unavailable' }
        expect(results).toEqual([
          ['udp_tracker', { Ok: 'Connected' }],
          ['http_tracker', away],
          ['tracker_rest_api', away],
        ])
      })
    } finally {
      await redis.stop()
    }
  })

  it('answers many who ask at once', () =>
    withTracker(server().url, {}, async ({ healthUrl }) => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => call(`${healthUrl}/health_check`)))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    }))

  it('tells errors as the API does', () =>
    withTracker(server().url, { roles: ['api'] }, async ({ healthUrl }) => {
      const nowhere = errorIn(await call(`${healthUrl}/nothing`))
      expect(nowhere).toEqual({ status: 404, code: 'not_found', message: 'not here: try /health_check' })
      const posted = await call(`${healthUrl}/health_check`, { method: 'POST', body: 'x' })
      expect([errorIn(posted).status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
      expect(errorIn(await call(`${healthUrl}/%zz`)).status).toBe(400)
    }))
})

describe('a health check', () => {
  const withService = async (answer: ((body: Buffer) => Buffer) | undefined, test: (port: number) => Promise<void>) => {
    const socket = createSocket('udp4')
    socket.on('message', (body, { port, address }) => {
      if (answer) socket.send(answer(body), port, address)
    })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    await test(socket.address().port).finally(() => socket.close())
  }
  const resultOf = async (kind: 'udp' | 'http', port: number) =>
    (await checkService(kind, { address: '127.0.0.1', port })).result

  it('fails where nobody listens', async () => {
    let port = 0
    await withService(undefined, async (freed) => {
      port = freed
    })
    expect(await resultOf('udp', port)).toEqual({ Err: expect.stringContaining('ECONNREFUSED') })
    expect(await resultOf('http', port)).toEqual({ Err: expect.stringContaining('ECONNREFUSED') })
  })

  it('fails where no answer comes within 2 s, over UDP and HTTP', async () => {
    const lifecycle = makeLifecycle()
    const silent = createServer(() => {})
    lifecycle.onStop('server', () => {
      silent.closeAllConnections()
      silent.close()
    })
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const late = { Err: 'no answer within 2 s' }
    await withService(undefined, async (port) => {
      const { port: httpPort } = silent.address() as AddressInfo
      expect(await Promise.all([resultOf('udp', port), resultOf('http', httpPort)])).toEqual([late, late])
    })
    await lifecycle.stop()
  })

  it.each<[string, (body: Buffer) => Buffer]>([
    ['an echo', (body) => body],
    ['too short', () => Buffer.alloc(15)],
    ['an error', () => Buffer.from('000000036865 6c6f 6e6f00000000000000'.replaceAll(' ', ''), 'hex')],
  ])('fails where the answer is %s', (_name, answer) =>
    withService(answer, async (port) => {
      expect(await resultOf('udp', port)).toEqual({ Err: 'the answer is no connect reply' })
    }),
  )
})
