import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { acceptsGzip } from './v2/export.ts'

/** The dashboard's own files. */
const FOLDER = join(import.meta.dirname, 'page')

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** All is of this server, and nothing is in the page itself: what somebody's client name holds can never be run. */
const POLICY = [
  "default-src 'none'",
  ...['script', 'style', 'img', 'connect'].map((what) => `${what}-src 'self'`),
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ')

/** For all of its files. They are asked for anew each time, and sent where they have changed: an upgrade shows at once. */
const HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  vary: 'accept-encoding',
  'x-content-type-options': 'nosniff',
}

type PageFile = { path: string; type: string; body: Buffer; gzipped: Buffer; etag: string }

/** `GET /`, the dashboard, and what it loads. It needs no token, and has no secrets: what it shows, it asks for with one. */
export function registerPage(app: FastifyInstance): void {
  app.register((open, _options, done) => {
    for (const file of pageFiles()) {
      open.get(file.path, { schema: { hide: true } }, async (request, reply) => sendFile(file, request, reply))
    }
    done()
  })
}

function sendFile(file: PageFile, { headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers({ ...HEADERS, etag: file.etag })
  const known = String(headers['if-none-match'] ?? '').split(/, */)
  if (known.includes(file.etag)) return reply.code(304).send()
  reply.type(file.type)
  if (!acceptsGzip(headers['accept-encoding'])) return reply.send(file.body)
  return reply.header('content-encoding', 'gzip').send(file.gzipped)
}

/** Read once, at the start. */
const pageFiles = (): PageFile[] => [
  ...readdirSync(FOLDER)
    .filter((name) => TYPES[extname(name)] !== undefined)
    .map((name) => pageFile(name === 'index.html' ? '/' : `/page/${name}`, readFileSync(join(FOLDER, name)))),
  // Modules as npm has them; their maps are not served.
  ...['preact', 'htm'].map((name) => pageFile(`/page/${name}.js`, readModule(name))),
]

function pageFile(path: string, body: Buffer): PageFile {
  // A weak one: it is the same compressed or not, and a proxy that compresses leaves it as it is.
  const etag = `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  return { path, type: TYPES[extname(path)] ?? (TYPES['.html'] as string), body, gzipped: gzipSync(body), etag }
}

/** The module of a package that lies beside its main file, which is CommonJS. */
function readModule(name: string): Buffer {
  const main = createRequire(import.meta.url).resolve(name)
  const text = readFileSync(join(dirname(main), `${name}.mjs`), 'utf8')
  return Buffer.from(text.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n'))
}
