import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { fieldsOf } from '../../lib/store/check-server.ts'
import { type Program, withProgram } from '../support/program.ts'
import { startRedis, until, useRedis } from '../support/redis.ts'
import { hashOf } from '../support/store.ts'
import { UdpClient } from '../support/udp-client.ts'

/** What a start that fails says, and that it ends with 1 and without a stack. */
async function failureOf(args: string[], env: Record<string, string>): Promise<string> {
  return withProgram(args, env, async (program) => {
    expect(await program.ended()).toBe(1)
    expect(program.stderr()).not.toContain('    at ')
    return program.stderr()
  })
}

async function announceOnce(port: number, changes: Parameters<UdpClient['announce']>[0]) {
  const client = await UdpClient.open(port)
  try {
    await client.connect()
    return await client.announce(changes)
  } finally {
    client.close()
  }
}

async function privateRedisPid({ dataDir }: Program): Promise<number> {
  const redis = new Redis({ path: join(dataDir, 'redis.sock'), protocol: 2 })
  try {
    return Number(fieldsOf(await redis.info('server')).get('process_id'))
  } finally {
    redis.disconnect()
  }
}

describe('redswarm', () => {
  const server = useRedis()

  it('names all problems of its settings at once', async () => {
    const text = await failureOf(['udp'], {
      REDSWARM_UPD_LISTEN: '1',
      REDSWARM_NUMWANT_MAX: 'many',
      REDSWARM_LOG_LEVEL: 'loud',
    })
    expect(text).toContain('REDSWARM_UPD_LISTEN: no such setting')
    expect(text).toContain('REDSWARM_NUMWANT_MAX: must be integer')
    expect(text).toContain('REDSWARM_LOG_LEVEL: must be one of fatal')
  })

  it('says which Redis it cannot reach, without the password', async () => {
    const text = await failureOf(['udp'], { REDSWARM_REDIS_URL: 'redis://user:hunter2@127.0.0.1:1' })
    expect(text).toContain('cannot reach Redis at redis://127.0.0.1:1')
    expect(text).not.toContain('hunter2')
  })

  it('refuses a Redis that would evict swarms', async () => {
    const evicting = await startRedis('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')
    try {
      expect(await failureOf(['udp'], { REDSWARM_REDIS_URL: evicting.url })).toContain('maxmemory-policy allkeys-lru')
    } finally {
      await evicting.stop()
    }
  })

  it('says what a Redis answers that has no memory left', async () => {
    const full = await startRedis('--maxmemory', '1', '--maxmemory-policy', 'noeviction')
    try {
      expect(await failureOf(['udp'], { REDSWARM_REDIS_URL: full.url })).toContain('Redis refuses to serve: OOM')
    } finally {
      await full.stop()
    }
  })

  it('refuses data of another layout', async () => {
    for (const [layout, whose] of [
      ['7', 'a newer redswarm wrote it: run that one'],
      [
        '1',
        'an older redswarm wrote it.*`redswarm export FILE` with the older one.*`redswarm import FILE` with this one',
      ],
    ] as const) {
      await server().redis.set('schema', layout)
      const failure = await failureOf(['http'], { REDSWARM_REDIS_URL: server().url })
      expect(failure).toMatch(new RegExp(`has layout ${layout}, .*${whose}.*Upgrading`, 's'))
      expect(await server().redis.keys('*')).toEqual(['schema'])
    }
  })

  it('refuses a secret that is none, which would let anybody make connection ids', async () => {
    const secret = async () => failureOf(['udp'], { REDSWARM_REDIS_URL: server().url, REDSWARM_KEY_PREFIX: 'our-' })
    await server().redis.set('our-secret', '')
    expect(await secret()).toMatch(/the Redis key our-secret does not hold 32 bytes of hex\n.*delete it/)
    await server().redis.del('our-secret')
    await server().redis.lpush('our-secret', 'x')
    expect(await secret()).toContain('our-secret')
  })

  it('says that a port is in use, and by which setting to change it', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const text = await failureOf(['http'], {
      REDSWARM_REDIS_URL: server().url,
      REDSWARM_HTTP_LISTEN: `127.0.0.1:${port}`,
    })
    expect(text).toContain(`port ${port} is in use`)
    expect(text).toContain('REDSWARM_HTTP_LISTEN')
    other.close()
  })

  it('says that a single role needs a Redis to share', async () => {
    expect(await failureOf(['sweeper'], {})).toContain('REDSWARM_REDIS_URL')
  })

  it('refuses a command that it does not know, and names the one that may be meant', () =>
    withProgram(['statsu'], {}, async (program) => {
      expect(await program.ended()).toBe(2)
      expect(program.stderr()).toContain("unknown command 'statsu'\n(Did you mean status?)")
    }))

  it('shows help with examples and its version', async () => {
    for (const [arg, text] of [
      ['--help', 'Examples:'],
      ['--version', '0.1.0'],
    ] as const) {
      await withProgram([arg], {}, async (program) => {
        expect(await program.ended()).toBe(0)
        expect(program.stdout()).toContain(text)
      })
    }
  })

  it('logs JSON, no line per request, no secret, and stops by SIGTERM with code 0', () =>
    withProgram(
      ['udp'],
      { REDSWARM_REDIS_URL: server().url, REDSWARM_SECRET: 'a-secret-of-many-letters' },
      async (program) => {
        const { udp } = await program.serving()
        const lines = () => program.stdout().trim().split('\n').length
        const before = lines()
        for (let i = 0; i < 20; i++) await announceOnce(udp[0]?.port as number, { left: 0n })
        expect(lines()).toBe(before)
        expect(await program.end()).toBe(0)
        for (const line of program.stdout().trim().split('\n')) JSON.parse(line)
        expect(program.stdout()).not.toContain('a-secret-of-many-letters')
        expect(program.stderr()).toBe('')
      },
    ))

  it('runs everything on a private Redis, and finds every swarm again after a stop', () =>
    withProgram(['up'], {}, async (first) => {
      const { udp, api } = await first.serving()
      await announceOnce(udp[0]?.port as number, { left: 0n, port: 7001 })
      const token = (await readFile(join(first.dataDir, 'api-token'), 'utf8')).trim()
      const stats = await fetch(`http://127.0.0.1:${api[0]?.port}/api/v1/stats?token=${token}`)
      expect(await stats.json()).toMatchObject({ torrents: 1, seeders: 1 })
      expect(await first.end()).toBe(0)
      await withProgram(['up'], { REDSWARM_DATA_DIR: first.dataDir }, async (second) => {
        const ports = await second.serving()
        const reply = await announceOnce(ports.udp[0]?.port as number, { port: 7002 })
        expect(reply.peers.toString('hex')).toBe('7f0000011b59')
        expect((await readFile(join(second.dataDir, 'api-token'), 'utf8')).trim()).toBe(token)
        expect(second.stdout()).not.toContain(token)
      })
    }))

  it('has its private Redis back within seconds of its death, with the swarms', () =>
    withProgram(['up'], {}, async (program) => {
      const { udp } = await program.serving()
      const port = udp[0]?.port as number
      await announceOnce(port, { left: 0n, infoHash: hashOf('c') })
      // The AOF is written to disk every second.
      await sleep(1500)
      process.kill(await privateRedisPid(program), 'SIGKILL')
      const serves = () =>
        announceOnce(port, { infoHash: hashOf('c'), port: 2 }).then(
          (reply) => reply.seeders === 1,
          () => false,
        )
      await until('the swarm to be served again', serves, 5000)
      expect(await program.end()).toBe(0)
    }))

  it('stops by Ctrl-C as by SIGTERM', () =>
    withProgram(['up'], {}, async (program) => {
      await program.serving()
      expect(await program.end('SIGINT')).toBe(0)
    }))

  it('ends with the shell that npx runs it under, which hands no signal on', async () => {
    const env = { PATH: process.env.PATH, npm_lifecycle_event: 'npx', REDSWARM_UDP_LISTEN: '127.0.0.1:0' }
    const options: SpawnOptions = { detached: true, stdio: ['ignore', 'pipe', 'inherit'] }
    const command = `"${process.execPath}" services/cli/redswarm.mjs udp; exit $?`
    const shell = spawn('sh', ['-c', command], { ...options, env: { ...env, REDSWARM_REDIS_URL: server().url } })
    try {
      let stdout = ''
      shell.stdout?.setEncoding('utf8').on('data', (text: string) => {
        stdout += text
      })
      await until('the tracker to serve', () => stdout.includes('"msg":"serving"'), 15_000)
      shell.kill('SIGTERM')
      await until('the tracker to end', () => shell.stdout?.closed === true)
      expect(stdout).toContain('SIGTERM: stopping')
    } finally {
      if (shell.stdout?.closed === false) process.kill(-Number(shell.pid), 'SIGKILL')
    }
  })

  it('ends at once, with code 1, by a second Ctrl-C; the same one by two ways is no second', () =>
    withProgram(['up'], {}, async (program) => {
      await program.serving()
      const redisPid = await privateRedisPid(program)
      process.kill(redisPid, 'SIGSTOP') // now the stop has something to wait for
      try {
        program.process.kill('SIGINT')
        await until('the stop to begin', () => program.stdout().includes('SIGINT: stopping'))
        program.process.kill('SIGINT')
        await sleep(500)
        expect(program.process.exitCode).toBeNull()
        const startMs = performance.now()
        expect(await program.end('SIGINT')).toBe(1)
        expect(performance.now() - startMs).toBeLessThan(1000)
        expect(program.stdout()).toContain('SIGINT again: ending at once')
      } finally {
        process.kill(redisPid, 'SIGKILL')
      }
    }))
})
