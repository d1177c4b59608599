import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { loadLibc } from '../../lib/udp/linux/libc.ts'
import { chooseUdpSockets } from '../../lib/udp/open-socket.ts'

describe.runIf(loadLibc())('a process with a sleeping UDP socket', () => {
  /** Runs a line of code while the socket sleeps; answers the exit code, undefined where the process does not end. */
  async function endAfter(code: string): Promise<{ exitCode: number | null | undefined; said: string }> {
    const from = (file: string) => new URL(`../../lib/udp/${file}`, import.meta.url).href
    const program = `
      import { chooseUdpSockets } from '${from('open-socket.ts')}'
      await chooseUdpSockets()({ address: '127.0.0.1', port: 0 }, () => {})
      setTimeout(() => { ${code} }, 200)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const ended = once(child, 'close').then(([exitCode]) => exitCode as number | null)
    const exitCode = await Promise.race([ended, sleep(5000, undefined, { ref: false })])
    child.kill('SIGKILL')
    return { exitCode, said }
  }

  it('ends by an exception that nobody catches', async () =>
    expect(await endAfter("throw new Error('nobody catches this')")).toEqual({
      exitCode: 1,
      // Not of an error before it, such as a module that is not there.
      said: expect.stringContaining('Error: nobody catches this'),
    }))

  it('leaves no eventfd to the programs that it starts', async () => {
    const socket = await chooseUdpSockets()({ address: '127.0.0.1', port: 0 }, () => {})
    expect(execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' })).not.toContain('eventfd')
    await socket.close()
  })

  it('ends by process.exit', async () => expect(await endAfter('process.exit(3)')).toMatchObject({ exitCode: 3 }))
})
