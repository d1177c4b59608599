import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Target } from './target.ts'

const pathOf = (target: string): string => join(import.meta.dirname, 'corpus', `${target}.txt`)

/** The inputs that are kept of a target, a line of hex each: together they reach every block that was ever reached. */
export function readCorpus(target: string): Buffer[] {
  if (!existsSync(pathOf(target))) return []
  const lines = readFileSync(pathOf(target), 'utf8').split('\n')
  // An empty input is a line of `-`.
  return lines.filter((line) => line !== '').map((line) => Buffer.from(line === '-' ? '' : line, 'hex'))
}

/** Keeps these inputs of a target, beside its seeds, in place of the ones before. */
export function writeCorpus({ name, seeds }: Target, inputs: readonly Buffer[]): void {
  const fresh = inputs.filter((input) => !seeds.some((seed) => seed.equals(input)))
  const lines = fresh.map((input) => input.toString('hex') || '-')
  if (lines.length === 0) return
  mkdirSync(dirname(pathOf(name)), { recursive: true })
  writeFileSync(pathOf(name), `${lines.join('\n')}\n`)
}
