/** A small fault in one place of the product, which the suites must notice. */
export type Mutant = {
  /** The fault in words. */
  fault: string
  file: string
  /** Text that is in the file exactly once. */
  find: string
  replace: string
  /** Where it is likeliest to be noticed: test files or folders of test/, tried in this order, before all others. */
  suites: readonly string[]
}

/** Mutants of one file: each a row of the fault, what is found and what replaces it. */
export const mutantsOf = (
  file: string,
  suites: readonly string[],
  rows: readonly (readonly [fault: string, find: string, replace: string])[],
): Mutant[] => rows.map(([fault, find, replace]) => ({ fault, file, find, replace, suites }))
