import { fieldsOf } from '../../../lib/store/check-server.ts'
import type { connectRedis } from '../../../lib/store/connect.ts'

/** A connection to the Redis that is profiled. */
export type Redis = Awaited<ReturnType<typeof connectRedis>>

/** What a command cost in the measured seconds, those that scripts called with the rest: its time has theirs in it. */
export type CommandCost = { command: string; calls: number; us: number; failed: number }

/** How long a command took: percentiles, and how many calls took up to so many µs (each bound twice the one before). */
export type CommandLatency = {
  command: string
  calls: number
  p50Us: number
  p99Us: number
  p999Us: number
  histogram: [upToUs: number, calls: number][]
}

/** The commands of `INFO commandstats`, the dearest first. */
export function readCommandStats(info: string): CommandCost[] {
  return [...fieldsOf(info)]
    .filter(([name]) => name.startsWith('cmdstat_'))
    .map(([name, text]) => {
      const values = valuesOf(text)
      const number = (field: string) => numberOf(values, field, name)
      return { command: commandName(name), calls: number('calls'), us: number('usec'), failed: number('failed_calls') }
    })
    .sort((a, b) => b.us - a.us)
}

/** `INFO latencystats` and the reply of `LATENCY HISTOGRAM`, joined by command, the most called first. */
export function readLatencies(info: string, histograms: unknown): CommandLatency[] {
  const found = histogramsOf(histograms)
  return [...fieldsOf(info)]
    .filter(([name]) => name.startsWith('latency_percentiles_usec_'))
    .map(([name, text]) => {
      const values = valuesOf(text)
      const command = commandName(name)
      const { calls = 0, histogram = [] } = found.get(command) ?? {}
      const [p50Us, p99Us, p999Us] = ['p50', 'p99', 'p99.9'].map((field) => numberOf(values, field, name))
      return { command, calls, p50Us, p99Us, p999Us, histogram } as CommandLatency
    })
    .sort((a, b) => b.calls - a.calls)
}

/** `cmdstat_config|get` is CONFIG GET. */
const commandName = (field: string): string =>
  field
    .replace(/^(cmdstat|latency_percentiles_usec)_/, '')
    .replace('|', ' ')
    .toUpperCase()

const valuesOf = (text: string): Map<string, string> =>
  new Map(text.split(',').map((part) => part.split('=') as [string, string]))

function numberOf(values: Map<string, string>, field: string, of: string): number {
  const value = Number(values.get(field))
  if (!values.has(field) || !Number.isFinite(value)) throw new Error(`Redis tells no ${field} of ${of}`)
  return value
}

/** The reply is flat: name, fields, name, fields; and so is each histogram. Its counts add up from bound to bound. */
function histogramsOf(reply: unknown): Map<string, { calls: number; histogram: [number, number][] }> {
  const found = new Map<string, { calls: number; histogram: [number, number][] }>()
  for (const [name, fields] of pairsOf(reply as unknown[])) {
    const values = new Map(pairsOf(fields as unknown[]) as [string, unknown][])
    let before = 0
    const histogram = (pairsOf(values.get('histogram_usec') as unknown[]) as [number, number][]).map(
      ([upToUs, calls]): [number, number] => {
        const own = calls - before
        before = calls
        return [upToUs, own]
      },
    )
    const command = String(name).replace('|', ' ').toUpperCase()
    found.set(command, { calls: Number(values.get('calls')), histogram })
  }
  return found
}

function pairsOf(flat: readonly unknown[]): [unknown, unknown][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]])
}
