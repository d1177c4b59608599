// Runs the store's suite on the servers of container images: `npm run test:containers -- --help`.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, stripVTControlCharacters } from 'node:util'
import { getContainerRuntimeClient } from 'testcontainers'
import { messageOf } from '../../lib/errors.ts'
import { tableOf } from '../../lib/observe/table.ts'
import { temporaryFolder } from '../support/at-exit.ts'
import { IMAGES, startImage } from './images.ts'

/** What a test program ends with that could not be run (automake's). */
const NOT_RUN = 77
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const { values } = parseArgs({
  options: {
    image: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run test:containers -- [--image IMAGE]… [--json]

For each image: starts it as an operator would and announces through a tracker, then runs the whole suite of the store on the image's own
server program. Images that the container engine does not have and cannot get are listed as not run. Without an engine it ends with ${NOT_RUN}.

  --image IMAGE   in the place of ${IMAGES.join(', ')}
  --json          a line of JSON for each

  npm run test:containers
  npm run test:containers -- --image redis:8 --image valkey/valkey:8`)
  process.exit(0)
}

type Row = { image: string; version: string; passed: number; failed: number; seconds: number; notRun?: string }

/** Its containers are stopped here; that helper of the library is one more image to get. */
process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true'

try {
  await getContainerRuntimeClient()
} catch {
  console.error('no container engine here (DOCKER_HOST, or Docker or Podman on this machine): nothing was run')
  process.exit(NOT_RUN)
}

const rows: Row[] = []
for (const image of values.image ?? IMAGES) {
  const row = await tryImage(image)
  rows.push(row)
  if (values.json) console.log(JSON.stringify(row))
}
if (!values.json) {
  const head = ['image', 'server', 'passed', 'failed', 'time']
  console.log(['', ...tableOf(head, rows.map(cells), [0, 1])].join('\n'))
}
process.exit(rows.some(({ failed }) => failed > 0) ? 1 : rows.every(({ notRun }) => notRun) ? NOT_RUN : 0)

async function tryImage(image: string): Promise<Row> {
  const fromMs = performance.now()
  const row = { image, version: '', passed: 0, failed: 0, seconds: 0 }
  console.error(`${image}: starting`)
  const started = await startImage(image).catch(messageOf)
  if (typeof started === 'string') {
    console.error(`${image}: not run: ${started}`)
    return { ...row, notRun: started }
  }
  const { path: folder, remove } = await temporaryFolder('image')
  try {
    console.error(`${image}: ${started.version}`)
    const served = await runSuite(['--project', 'containers'], { REDSWARM_TEST_REDIS_URL: started.url })
    const program = await started.takeProgram(join(folder, 'program'))
    const stored = await runSuite(['--project', 'store'], { REDSWARM_REDIS_SERVER: program })
    return {
      ...{ image, version: started.version },
      passed: served.passed + stored.passed,
      failed: served.failed + stored.failed,
      seconds: (performance.now() - fromMs) / 1000,
    }
  } finally {
    await started.stop()
    await remove()
  }
}

/** Runs vitest and counts; what failed is shown. A run that says nothing of its tests is a failed one. */
async function runSuite(
  args: string[],
  environment: Record<string, string>,
): Promise<{ passed: number; failed: number }> {
  const child = spawn('npx', ['vitest', 'run', '--config', 'test/vitest.config.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  for await (const part of child.stdout) output += part
  const lines = stripVTControlCharacters(output).split('\n')
  for (const line of lines) if (/^\s*(×|FAIL|AssertionError|Error)/.test(line)) console.error(line)
  const counts = lines.find((line) => /^\s*Tests\s/.test(line)) ?? ''
  const count = (kind: string): number => Number(new RegExp(`(\\d+) ${kind}`).exec(counts)?.[1] ?? 0)
  const failed = count('failed')
  return { passed: count('passed'), failed: counts === '' ? 1 : failed }
}

function cells({ image, version, passed, failed, seconds, notRun }: Row): string[] {
  if (notRun) return [image, 'not run: the engine cannot get it', '', '', '']
  return [image, version, String(passed), String(failed), `${seconds.toFixed(0)} s`]
}
