import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configurationPage, envExample } from '../lib/config/docs.ts'
import { boundsSection } from '../services/bounds.ts'
import { withMetrics } from '../services/metrics/docs.ts'
import { mutants } from './mutants/tables/all.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
/** What git has or would take, so that a checkout and a work tree are held to the same. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)))
const sources = files.filter((path) => /^(lib|services)\/.*\.(ts|mjs|lua)$/.test(path))
const typescript = sources.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
const modules = [...typescript, ...sources.filter((path) => path.endsWith('.mjs'))]

/** What a browser gets of the dashboard. */
const pageFiles = files.filter((path) => /^services\/api\/page\/.*\.(js|css|html|svg)$/.test(path))

const FILE_LINES_MAX = 300

type Import = { from: string; to: string }

function importsOf(path: string): Import[] {
  const found = [...read(path).matchAll(/(?:^import |^(?:import|export|\}).*\bfrom |\bimport\()'([^']+)'/gm)]
  return found.map(([, to = '']) => ({ from: path, to: to.startsWith('.') ? normalize(join(dirname(path), to)) : to }))
}

const imports = modules.flatMap(importsOf)
const show = ({ from, to }: Import) => `${from} -> ${to}`

/** The layer of a file of lib: its folder, or the file itself where it lies in lib. */
const layerOf = (path: string) => /^lib\/([^/]+)/.exec(path)?.[1] ?? ''
const LEAVES = ['config', 'observe', 'errors.ts', 'lifecycle.ts', 'http-server.ts', 'random.ts', 'signals.ts']
/** What each layer of lib may import of ours, beside itself. */
const ALLOWED: Record<string, string[]> = {
  wire: [],
  swarm: ['wire'],
  store: ['wire', 'swarm', ...LEAVES],
  udp: ['wire', ...LEAVES],
  ...Object.fromEntries(LEAVES.map((leaf) => [leaf, LEAVES])),
  config: ['wire', ...LEAVES],
}

describe('the repository', () => {
  it('imports one way: wire <- swarm <- store, and leaves (observe, …) only one another', () => {
    const wrong = imports.filter(({ from, to }) => {
      const [own, other] = [layerOf(from), layerOf(to)]
      return own !== '' && to.startsWith('services/')
        ? true
        : own !== '' && other !== '' && own !== other && !ALLOWED[own]?.includes(other)
    })
    expect(wrong.map(show)).toEqual([])
  })

  it('has no service that imports another', () => {
    const serviceOf = (path: string) => /^services\/([^/]+)\//.exec(path)?.[1]
    const wrong = imports.filter(({ from, to }) => {
      const [own, other] = [serviceOf(from), serviceOf(to)]
      return own !== undefined && other !== undefined && own !== other
    })
    expect(wrong.map(show)).toEqual([])
  })

  it('keeps each outside library in its place', () => {
    const places: [library: string, place: RegExp][] = [
      ['ioredis', /^(lib\/store\/|services\/parts\.ts)/],
      ['bullmq', /^services\/sweeper\//],
      ['koffi', /^lib\/udp\/linux\//],
      ['bencode', /^lib\/wire\//],
      ['commander', /^services\/(program|([a-z]+\/)+command)\.ts/],
    ]
    const wrong = imports.filter(({ from, to }) =>
      places.some(([library, place]) => to === library && !place.test(from)),
    )
    expect(wrong.map(show)).toEqual([])
  })

  it('keeps wire pure: of Node only crypto, and of the network only what an address is', () => {
    const allowed = ['node:crypto', 'bencode', 'ipaddr.js']
    const isAddressTest = ({ from, to }: Import) =>
      to === 'node:net' && read(from).includes("import { isIP } from 'node:net'\n")
    const outside = imports.filter(({ from, to }) => from.startsWith('lib/wire/') && !to.startsWith('lib/'))
    const wrong = outside.filter((each) => !allowed.includes(each.to) && !isAddressTest(each))
    expect(wrong.map(show)).toEqual([])
  })

  it('lets time and chance in only where the parts are put together, and where a secret is made', () => {
    const places: [path: string, may: RegExp][] = [
      ['services/compose.ts', /./],
      // Commands of the command line get both from there.
      ['services/program.ts', /^(Date\.now|randomBytes)$/],
      // It runs before there is anything to put together; how old a lock is, is for the file system's clock to say.
      ['services/cli/setup.mjs', /^Date\.now$/],
      // Secrets are made where they are kept: one that came in as an argument could be foretold.
      ['services/api/token.ts', /^randomBytes$/],
      ['lib/store/secret.ts', /^randomBytes$/],
      ['lib/store/passkeys.ts', /^randomInt$/],
      // A name that no process has had before.
      ['lib/store/data-folder.ts', /^randomBytes$/],
    ]
    const CALLS = /\b(Date\.now|Math\.random|new Date\(\)|random(Bytes|UUID|Int|Fill\w*)|getRandomValues)/g
    const wrong = modules.flatMap((path) =>
      [...read(path).matchAll(CALLS)]
        .filter(([, call = '']) => !places.some(([place, may]) => place === path && may.test(call)))
        .map(([, call]) => `${path}: ${call}`),
    )
    expect(wrong).toEqual([])
  })

  it(`has no source file over ${FILE_LINES_MAX} lines`, () => {
    const long = [...sources, ...pageFiles, ...files.filter((path) => /^test\/.*\.ts$/.test(path))].filter(
      (path) => read(path).split('\n').length - 1 > FILE_LINES_MAX,
    )
    expect(long).toEqual([])
  })

  it('has a doc comment on every export of lib and services', () => {
    const wrong = [...typescript, ...pageFiles.filter((path) => path.endsWith('.js'))].flatMap((path) => {
      const lines = read(path).split('\n')
      return lines.flatMap((line, i) =>
        /^export (async )?(function|const|class|type)/.test(line) && !/\*\/$/.test(lines[i - 1] ?? '')
          ? [`${path}: ${line}`]
          : [],
      )
    })
    expect(wrong).toEqual([])
  })

  it('has a dashboard that its own policy lets run: no script, style or handler in a page, and no HTML made of text', () => {
    const BREACHES: [what: string, pattern: RegExp][] = [
      ['a script in the page', /<script(?![^>]*\ssrc="page\/)/],
      ['a style in the page', /<style|\sstyle=/],
      ['a handler in the page', /<[^>]*\son[a-z]+="/],
      [
        'HTML made of text',
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|\beval\(|new Function/,
      ],
      ['another host', /(?:https?:)?\/\/[a-z0-9-]+\.[a-z]/i],
      ['a stylesheet of elsewhere', /@import (?:url|["'])|\burl\(/],
    ]
    expect(pageFiles.length).toBeGreaterThan(20)
    const wrong = pageFiles.flatMap((path) => {
      // The name of SVG is written as an address, which nobody asks.
      const text = read(path).replace('http://www.w3.org/2000/svg', '')
      return BREACHES.filter(([, pattern]) => pattern.test(text)).map(([what]) => `${path}: ${what}`)
    })
    expect(wrong).toEqual([])
  })

  it('has a dashboard whose modules import only what the server sends beside them', () => {
    const sent = [...pageFiles.map((path) => path.split('/').at(-1)), 'preact.js', 'htm.js'].map((name) => `./${name}`)
    const wrong = pageFiles.flatMap((path) =>
      [...read(path).matchAll(/(?:^import |^(?:import|export|\}).*\bfrom |\bimport\()'([^']+)'/gm)]
        .filter(([, to = '']) => !sent.includes(to))
        .map(([, to]) => `${path}: ${to}`),
    )
    expect(wrong).toEqual([])
  })

  it('begins no hook of a test where a file that several tests import is loaded: that is once for all of them', () => {
    const shared = files.filter((path) => /^test\/.*(?<!\.test)\.ts$/.test(path))
    expect(shared.filter((path) => /^(?:before|after)(?:All|Each)\(/m.test(read(path)))).toEqual([])
  })

  it('leaves nothing for later', () => {
    const marks = new RegExp(
      ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', String.raw`\.skip\(`, String.raw`\.only\(`].join('|'),
    )
    const wrong = files.filter(
      (path) =>
        /\.(ts|mjs|js|css|html|lua|sh|yml)$/.test(path) && path !== 'test/e2e/skip.ts' && marks.test(read(path)),
    )
    expect(wrong).toEqual([])
  })

  it('has a lock file that works with any registry', () => {
    for (const lock of files.filter((path) => path.endsWith('package-lock.json')))
      expect(read(lock)).not.toMatch(/"resolved": "http/)
  })

  it('says at the top of each script what its keys, arguments and reply are', () => {
    for (const path of sources.filter((each) => /^lib\/store\/lua\/[a-z_]+\.lua$/.test(each))) {
      for (const part of ['keys:', 'args:', 'reply:']) expect(read(path), path).toMatch(new RegExp(`^-- ${part}`, 'm'))
    }
  })

  it('has docs that follow from the code as it is (npm run docs)', async () => {
    expect(read('docs/configuration.md')).toBe(configurationPage(boundsSection()))
    expect(read('.env.example')).toBe(envExample())
    expect(read('docs/metrics.md')).toBe(await withMetrics(read('docs/metrics.md')))
  })

  it('runs the Node of the lock file once it is installed: a shell remembers where another one was', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const wrong = Object.entries(scripts).filter(([, script]) => /&& (?:exec )?node /.test(script))
    expect(wrong).toEqual([])
  })

  it('has mutants that name text which is in their file, once', () => {
    const wrong = mutants.filter(({ file, find }) => read(file).split(find).length !== 2)
    expect(wrong.map(({ file, fault }) => `${file}: ${fault}`)).toEqual([])
  })

  it('has links in its docs that lead somewhere', () => {
    const broken = files
      .filter((path) => path.endsWith('.md'))
      .flatMap((path) =>
        [...read(path).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
          .filter(([, to = '']) => !existsSync(join(ROOT, dirname(path), to)))
          .map(([, to]) => `${path}: ${to}`),
      )
    expect(broken).toEqual([])
  })
})
