import type { TestContext } from 'vitest'

const told = new Set<string>()

/** Skips a test whose client is missing, saying why; where REDSWARM_E2E_REQUIRED=1, as in CI, that is a failure. */
export function skipWithout(ctx: TestContext, missing: string | undefined): void {
  if (missing === undefined) return
  if (process.env.REDSWARM_E2E_REQUIRED === '1') throw new Error(missing)
  // vitest's default reporter counts what is skipped, but does not say why.
  if (!told.has(missing)) console.warn(`tests are skipped: ${missing}`)
  told.add(missing)
  ctx.skip(missing)
}
