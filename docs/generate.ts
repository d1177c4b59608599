// Writes what is made from the code: `npm run docs`. A test fails where it is stale.
import { writeFileSync } from 'node:fs'
import { configurationPage, envExample } from '../lib/config/docs.ts'

writeFileSync(new URL('configuration.md', import.meta.url), configurationPage())
writeFileSync(new URL('../.env.example', import.meta.url), envExample())
console.log('docs/configuration.md and .env.example are written')
