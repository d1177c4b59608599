// Run where a client is: https-get.ts URL CA prints what comes, in hex. The certificate must be by that authority.
import { readFileSync } from 'node:fs'
import { get } from 'node:https'

const [url = '', ca = ''] = process.argv.slice(2)
get(url, { ca: readFileSync(ca) }, async (response) => {
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  process.stdout.write(Buffer.concat(parts).toString('hex'))
})
