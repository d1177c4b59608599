import type { FrontendOptions } from './options.ts'

/** Measures one part; `tell` says how far it is. */
export type Measure<Result> = (options: FrontendOptions, tell: (text: string) => void) => Promise<Result>

/** A result for people. */
export type Table = { title: string; head: string[]; rows: string[][] }

/** CPU per response of all frontends together, by what a load tells of processes. */
export const frontendsUs = (cpuUsPerResponse: Record<string, number>): number =>
  Object.entries(cpuUsPerResponse).reduce((sum, [name, us]) => sum + (name.startsWith('frontend') ? us : 0), 0)
