import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isRecent, readVersion } from '../../services/cli/setup.mjs'

const SETUP = join(import.meta.dirname, '../../services/cli/setup.mjs')
const PACKAGE = { name: 'clone', version: '1.0.0', dependencies: { part: 'file:part' } }
const LOCK_FILE = {
  ...{ name: 'clone', version: '1.0.0', lockfileVersion: 3, requires: true },
  packages: { '': PACKAGE, part: { version: '1.0.0' }, 'node_modules/part': { resolved: 'part', link: true } },
}

/** A clone whose only package lies in it, so that npm needs no network; the set-up in it is ours, and runs for real. */
async function withClone(body: (clone: string) => Promise<void>): Promise<void> {
  const clone = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'redswarm-setup-')))
  try {
    for (const folder of ['services/cli', 'part']) fs.mkdirSync(join(clone, folder), { recursive: true })
    fs.copyFileSync(SETUP, join(clone, 'services/cli/setup.mjs'))
    fs.writeFileSync(join(clone, 'package.json'), JSON.stringify(PACKAGE))
    fs.writeFileSync(join(clone, 'part/package.json'), JSON.stringify({ name: 'part', version: '1.0.0' }))
    writeLockFile(clone, JSON.stringify(LOCK_FILE))
    await body(clone)
  } finally {
    fs.rmSync(clone, { recursive: true, force: true })
  }
}

const writeLockFile = (clone: string, text: string) => fs.writeFileSync(join(clone, 'package-lock.json'), text)

function setUp(clone: string, env: NodeJS.ProcessEnv = {}, ...args: string[]): Promise<{ code: number; said: string }> {
  const given = { ...process.env, REDSWARM_REDIS_URL: 'redis://elsewhere', ...env }
  return ended(spawn(process.execPath, [join(clone, 'services/cli/setup.mjs'), ...args], { cwd: clone, env: given }))
}

async function ended(child: ChildProcess): Promise<{ code: number; said: string }> {
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk))
  const [code] = await once(child, 'close')
  return { code, said }
}

const stampOf = (clone: string) => join(clone, 'node_modules/.redswarm-setup')
/** The set-up looks there too, whatever PATH says. */
const isBare = !fs.existsSync('/usr/local/bin/redis-server') && !fs.existsSync('/opt/homebrew/bin/redis-server')
const INSTALLED = /^redswarm: installing dependencies \.\.\. done, \d+\.\d s\nredswarm: ready\n$/

describe('a Redis server', () => {
  it.each([
    ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d81b8ff71cfb150e', 'redis', '7.0.15'],
    ['Valkey server v=9.1.2 sha=00000000:0 malloc=libc bits=64 build=1', 'valkey', '9.1.2'],
    ['a warning first\nValkey server v=8.0.0-rc1 sha=0', 'valkey', '8.0.0-rc1'],
  ])('is known by what --version says: %s', (text, kind, version) => {
    expect(readVersion(text)).toEqual({ kind, version })
  })

  it.each(['', 'KeyDB server v=6.3.4 sha=0', 'redis-cli 7.0.15', 'not Redis server v=7'])(
    'is not seen in what another program says: %s',
    (text) => {
      expect(readVersion(text)).toBeUndefined()
    },
  )

  it.each([
    ['redis', '6.2.14', false],
    ['redis', '7.0.0', true],
    ['redis', '10.0.1', true],
    ['valkey', '7.1.9', false],
    ['valkey', '7.2.0', true],
    ['valkey', '7.10.0', true],
  ])('is new enough from Redis 7.0 and Valkey 7.2 on: %s %s is %s', (kind, version, answer) => {
    expect(isRecent({ kind, version })).toBe(answer)
  })
})

describe('the set-up of a clone', () => {
  it('installs once, then says nothing', () =>
    withClone(async (clone) => {
      expect(await setUp(clone)).toEqual({ code: 0, said: expect.stringMatching(INSTALLED) })
      expect(fs.readFileSync(stampOf(clone), 'utf8')).toMatch(/^[0-9a-f]{64}$/)
      expect(await setUp(clone)).toEqual({ code: 0, said: '' })
    }))

  it.each([
    ['the lock file has changed', (clone: string) => writeLockFile(clone, JSON.stringify(LOCK_FILE, null, 2))],
    ['an install was interrupted', (clone: string) => fs.rmSync(stampOf(clone))],
    ['node_modules is missing', (clone: string) => fs.rmSync(join(clone, 'node_modules'), { recursive: true })],
  ])('installs again where %s', (_what, change) =>
    withClone(async (clone) => {
      await setUp(clone)
      change(clone)
      expect((await setUp(clone)).said).toMatch(INSTALLED)
      expect((await setUp(clone)).said).toBe('')
    }),
  )

  it('installs once where two run at the same time', () =>
    withClone(async (clone) => {
      const both = await Promise.all([setUp(clone), setUp(clone)])
      expect(both.map(({ code }) => code)).toEqual([0, 0])
      expect(both.filter(({ said }) => said.includes('installing'))).toHaveLength(1)
      expect(fs.readdirSync(clone)).not.toContain('.redswarm-setup.lock')
    }))

  it('does not wait for a set-up that was killed', () =>
    withClone(async (clone) => {
      const dead = spawn('true')
      await once(dead, 'exit')
      fs.writeFileSync(join(clone, '.redswarm-setup.lock'), String(dead.pid))
      expect((await setUp(clone)).said).toMatch(INSTALLED)
    }))

  it('skips the dependencies where there is no lock file, as in an image', () =>
    withClone(async (clone) => {
      fs.rmSync(join(clone, 'package-lock.json'))
      expect(await setUp(clone)).toEqual({ code: 0, said: '' })
      expect(fs.existsSync(join(clone, 'node_modules'))).toBe(false)
    }))

  it('shows what npm says when it fails, and tries again the next time', () =>
    withClone(async (clone) => {
      writeLockFile(clone, '{')
      const { code, said } = await setUp(clone)
      expect(code).toBe(1)
      expect(said).toMatch(/^redswarm: installing dependencies \.\.\. failed, .* s\nredswarm: npm ci failed: npm /)
      expect(said).not.toContain('setup.mjs:')
      writeLockFile(clone, JSON.stringify(LOCK_FILE))
      expect((await setUp(clone)).said).toMatch(INSTALLED)
    }))

  it('takes the first server of PATH that is new enough', () =>
    withClone(async (clone) => {
      await setUp(clone)
      makeServer(join(clone, 'old'), '6.2.14')
      makeServer(join(clone, 'new'), '7.4.1')
      const env = { PATH: `${join(clone, 'old')}:${join(clone, 'new')}`, REDSWARM_REDIS_URL: '' }
      expect(await setUp(clone, env)).toEqual({ code: 0, said: '' })
    }))

  it.runIf(isBare)('needs no server where REDSWARM_REDIS_URL names one, unless told --redis', () =>
    withClone(async (clone) => {
      await setUp(clone)
      const env = { PATH: join(clone, 'old') } // without any installer
      makeServer(env.PATH, '6.2.14')
      expect(await setUp(clone, env)).toEqual({ code: 0, said: '' })
      const { code, said } = await setUp(clone, env, '--redis')
      expect(code).toBe(1)
      expect(said).toMatch(/failed, .* s\nredswarm: no Redis server: install Redis 7\.0 or later .*\n$/)
    }),
  )
})

function makeServer(folder: string, version: string): void {
  fs.mkdirSync(folder)
  fs.writeFileSync(join(folder, 'redis-server'), `#!/bin/sh\necho Redis server v=${version} sha=0\n`, { mode: 0o755 })
}
