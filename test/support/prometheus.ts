import { call } from './api.ts'

/** The samples of a text in Prometheus's format, by name and labels as they are written: `name{a="b"}`. */
export function samplesIn(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name = '', value] = /^([a-z0-9_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? []
    if (value === undefined) continue
    if (samples.has(name)) throw new Error(`${name} is told twice`)
    samples.set(name, Number(value))
  }
  return samples
}

/** The samples that a process tells now. */
export async function scrapeMetrics(metricsUrl: string): Promise<Map<string, number>> {
  return samplesIn((await call(`${metricsUrl}/metrics`, { token: '' })).text)
}
