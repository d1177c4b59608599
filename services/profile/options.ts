import { OperatorError } from '../../lib/errors.ts'
import { openFolder } from './folder.ts'

/** What every profile is asked for; `folder` is there already. */
export type ProfileOptions = { seconds: number; torrents: number; peers: number; folder: string }

/** Bounds of what one machine can be asked for, within those of `redswarm load`: a peer at each of its 16 addresses. */
export const BOUNDS = { seconds: [1, 600], torrents: [1, 1_000_000], peers: [16, 1_000_000] } as const

/** Options as the command line gives them. */
export type GivenOptions = Record<keyof typeof BOUNDS | 'out', string>

/** Reads the options, and makes the folder; an OperatorError says what is wrong. */
export async function readOptions(given: GivenOptions): Promise<ProfileOptions> {
  const number = (name: keyof typeof BOUNDS): number => {
    const [least, most] = BOUNDS[name]
    const value = Number(given[name])
    if (Number.isInteger(value) && value >= least && value <= most) return value
    throw new OperatorError(`--${name} must be a whole number from ${least} to ${most}, not ${given[name]}`)
  }
  const numbers = { seconds: number('seconds'), torrents: number('torrents'), peers: number('peers') }
  return { ...numbers, folder: await openFolder(given.out) }
}
