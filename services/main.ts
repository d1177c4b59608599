// The program. What V8 makes of its modules, and of TypeScript, is kept for the next start, which takes half as long then.
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Beside what it is made of. Where that cannot be written to, it goes without.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/redswarm', import.meta.url)))
const { runProgram } = await import('./program.ts')
await runProgram()
