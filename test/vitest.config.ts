import { defineConfig } from 'vitest/config'

const project = (name: string, testTimeout = 20_000) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: testTimeout,
  },
})

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    // Vitest leaves a core to itself; most tests here wait for Redis or for a socket.
    maxWorkers: 4,
    // Files share processes: what all of them import is loaded once.
    isolate: false,
    // Machines of CI do other work beside, and much here is held to a second: what passes at the second time only is told, as (retry x1).
    retry: process.env.CI ? 1 : 0,
    projects: [
      { extends: true, test: { name: 'tidy', include: ['test/tidy.test.ts'] } },
      project('unit'),
      project('store', 60_000),
      project('services', 60_000),
      project('conformance', 60_000),
      project('failover', 60_000),
      project('cli', 120_000),
      project('containers', 60_000),
      project('tools', 120_000),
      project('e2e', 120_000),
    ],
  },
})
