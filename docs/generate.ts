// Writes what is made from the code: `npm run docs`. A test fails where it is stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { configurationPage, envExample } from '../lib/config/docs.ts'
import { boundsSection } from '../services/bounds.ts'
import { withMetrics } from '../services/metrics/docs.ts'

writeFileSync(new URL('configuration.md', import.meta.url), configurationPage(boundsSection()))
writeFileSync(new URL('../.env.example', import.meta.url), envExample())
const metrics = new URL('metrics.md', import.meta.url)
writeFileSync(metrics, await withMetrics(readFileSync(metrics, 'utf8')))
console.log('docs/configuration.md, docs/metrics.md and .env.example are written')
