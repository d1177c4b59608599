import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { findRedis } from '../../services/cli/setup.mjs'
import { temporaryFolder } from './at-exit.ts'

/** Files of a certificate authority, of a certificate of this host by it, and of that one's key. */
export type TlsFiles = { ca: string; cert: string; key: string }

const OPENSSL = 'openssl'

/** Whether this machine can make certificates, and its Redis was built to use them. */
export async function canTestTls(): Promise<boolean> {
  const server = (await findRedis({ install: false }))?.path ?? 'redis-server'
  const withoutCertificate = ['--port', '0', '--tls-port', '1']
  const { stdout } = spawnSync(server, withoutCertificate, { encoding: 'utf8', timeout: 5000 })
  return spawnSync(OPENSSL, ['version']).status === 0 && stdout.includes('Failed to configure TLS')
}

/** Makes an authority of the test's own, and a certificate of 127.0.0.1, localhost and other addresses by it, for servers and clients. */
export async function makeCertificates(
  addresses: readonly string[] = [],
): Promise<TlsFiles & { remove: () => Promise<void> }> {
  const { path: folder, remove } = await temporaryFolder('certificates')
  const openssl = (...args: string[]) => execFileSync(OPENSSL, args, { cwd: folder, stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=test CA')
  openssl('req', ...newKey, '-keyout', 'key', '-out', 'request', '-subj', '/CN=test')
  await writeFile(
    join(folder, 'names'),
    `subjectAltName=${['127.0.0.1', ...addresses].map((each) => `IP:${each}`).join()},DNS:localhost\n`,
  )
  const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names']
  openssl('x509', '-req', '-in', 'request', '-out', 'crt', ...signing)
  return { ca: join(folder, 'ca.crt'), cert: join(folder, 'crt'), key: join(folder, 'key'), remove }
}

/** The settings of a Redis that has these files. */
export const tlsSettings = ({ ca, cert, key }: TlsFiles): string[] => [
  ...['tls-cert-file', cert, 'tls-key-file', key, 'tls-ca-cert-file', ca],
]

/** How a test connects to such a Redis. */
export const tlsOptions = ({ ca, cert, key }: TlsFiles): ConnectionOptions => ({
  ca: readFileSync(ca),
  cert: readFileSync(cert),
  key: readFileSync(key),
})
