import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/at-exit.ts'

/** Runs the audit against a registry, with a cache of its own: npm remembers what it has heard of a hole. */
async function audit(registry: string): Promise<{ code: number; text: string }> {
  const { path, remove } = await temporaryFolder('test')
  const env = { ...process.env, npm_config_registry: registry, npm_config_cache: path }
  const { promise, resolve } = Promise.withResolvers<{ code: number; text: string }>()
  execFile('bash', ['.ci/audit'], { env, timeout: 90_000 }, (error, stdout, stderr) =>
    resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr }),
  )
  return promise.finally(remove)
}

/** Runs the audit against a registry of which this is known. */
async function auditBy(advisories: Record<string, object[]>, status = 200) {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(request.method === 'POST' ? status : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(advisories))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    return await audit(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const advisory = (severity: string) => [
  { id: 1, url: 'https://example.org/1', title: 'a hole', severity, vulnerable_versions: '*', cwe: [], cvss: {} },
]

describe('the audit of dependencies', () => {
  it('passes where no hole is known, or only small ones', async () => {
    expect(await auditBy({})).toMatchObject({
      code: 0,
      text: expect.stringContaining(': 0 high or critical, 0 lower, of '),
    })
    expect(await auditBy({ koffi: advisory('moderate') })).toMatchObject({
      code: 0,
      text: expect.stringContaining('1 lower'),
    })
  })

  it.each(['high', 'critical'])('fails where a %s one is in what the tracker needs to run', async (severity) => {
    const { code, text } = await auditBy({ koffi: advisory(severity) })
    expect([code, text]).toEqual([1, expect.stringContaining(`${severity}: koffi: a hole (*, https://example.org/1)`)])
  })

  it('passes over what only tests need', async () => {
    expect(await auditBy({ vitest: advisory('critical') })).toMatchObject({ code: 0 })
  })

  it('says that it is skipped, and passes, where no registry answers or one that knows nothing of holes', async () => {
    const skipped = { code: 0, text: expect.stringContaining('audit of dependencies skipped: no registry') }
    expect(await audit('http://127.0.0.1:9')).toMatchObject(skipped)
    expect(await auditBy({}, 405)).toMatchObject(skipped)
  })
})
