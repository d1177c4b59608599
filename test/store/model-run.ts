// Plays the model's test for as long as one likes: `npm run test:model -- --help`.
import { parseArgs } from 'node:util'
import { startRedis } from '../support/redis.ts'
import { makeCoverage } from './model-coverage.ts'
import { type Plays, playMany, withConnections } from './model-plays.ts'
import type { PlaySize } from './model-steps.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    only: { type: 'string' },
    from: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(`npm run test:model -- [--runs N] [--seed N] [--only small|large [--from N]]
Random steps on a Redis of its own and on the model, held against each other after each step; three runs of four in small
swarms. Runs go in batches of 1,000, each with the next seed: what was ended goes on with the seed that it names. With
--only, all runs are of one size and one seed, from a number on.`)
  process.exit(0)
}

const BATCH = { small: 750, large: 250 }
const BATCH_RUNS = BATCH.small + BATCH.large
const SIZES = ['small', 'large'] as const

const only = SIZES.find((size) => size === values.only)
if (values.only !== undefined && !only) throw new Error('--only takes small or large')
const runs = positive('runs')
const firstSeed = Number(values.seed)
const coverage = { small: makeCoverage('small'), large: makeCoverage('large') }
const played = { small: 0, large: 0 }
const startMs = performance.now()
let seed = firstSeed

function positive(name: 'runs'): number {
  const number = Number(values[name])
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} takes a number from 1 on`)
  return number
}

const servers = { small: await startRedis(), large: await startRedis() }
process.on('SIGINT', () => void end(130))
try {
  await playAll()
  console.log(`no difference in ${count(played.small)} small and ${count(played.large)} large runs, seed ${firstSeed}`)
  printCoverage()
  await end(0)
} catch (error) {
  console.log(`after ${count(played.small + played.large)} runs: ${error instanceof Error ? error.message : error}`)
  await end(1)
}

/** Both sizes at once, each on its own Redis: while one waits for Redis, the other has the processor. */
async function playAll(): Promise<void> {
  console.log(`${count(runs)} runs from seed ${firstSeed} on`)
  if (only) return playSome({ size: only, count: runs, seed, from: values.from })
  for (let left = runs; left > 0; left -= BATCH_RUNS) {
    const small = Math.min(BATCH.small, Math.ceil((left * BATCH.small) / BATCH_RUNS))
    const large = Math.min(BATCH.large, left - small)
    await Promise.all([
      playSome({ size: 'small', count: small, seed }),
      large > 0 && playSome({ size: 'large', count: large, seed }),
    ])
    seed += 1
    printProgress()
  }
}

async function playSome(plays: Plays): Promise<void> {
  await withConnections(servers[plays.size].redis, (connections) =>
    playMany(connections, plays, coverage[plays.size].watchPlay),
  )
  played[plays.size] += plays.count
}

function printProgress(): void {
  const done = played.small + played.large
  const perSecond = done / ((performance.now() - startMs) / 1000)
  const leftMin = Math.ceil((runs - done) / perSecond / 60)
  const goOn = runs > done ? `, ${leftMin} min left; goes on with --seed ${seed} --runs ${runs - done}` : ''
  console.log(`${count(done)} runs, ${perSecond.toFixed(1)} a second${goOn}`)
}

function printCoverage(): void {
  const share = (size: PlaySize, sight: string) => {
    const plays = coverage[size].plays.get(sight)
    return plays === undefined || played[size] === 0 ? '' : `${((100 * plays) / played[size]).toFixed(1)} %`
  }
  console.log('\n  small    large   of the runs saw')
  for (const sight of coverage.large.plays.keys())
    console.log(`${share('small', sight).padStart(7)} ${share('large', sight).padStart(8)}   ${sight}`)
}

async function end(code: number): Promise<void> {
  await Promise.all([servers.small.stop(), servers.large.stop()])
  process.exit(code)
}

function count(number: number): string {
  return number.toLocaleString('en')
}
