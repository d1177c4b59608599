import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { announce } from '../support/http-client.ts'
import { type Program, withProgram } from '../support/program.ts'
import { until, useRedis } from '../support/redis.ts'
import { UdpClient } from '../support/udp-client.ts'

const PROCESSES = 3
const CLIENTS = 40
const EVERY_MS = 10

/** The processes that have served so far, in the order in which they came up. */
const pidsOf = ({ stdout }: Program): number[] =>
  stdout()
    .split('\n')
    .filter((line) => line.includes('"msg":"the process serves"'))
    .map((line) => (JSON.parse(line) as { pid: number }).pid)

/** Announces by many clients, each again and again, until stopped; answers how many were answered, and what went wrong. */
function startLoad(ask: (client: number) => Promise<unknown>) {
  const problems: string[] = []
  let [answered, isOver] = [0, false]
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    while (!isOver) {
      await ask(client).then(
        () => {
          answered += 1
        },
        ({ message }: Error) => problems.push(message),
      )
      await sleep(EVERY_MS)
    }
  })
  return async () => {
    isOver = true
    await Promise.all(clients)
    return { answered, problems }
  }
}

/** Ends each process by itself, once the one in the place of the last serves. */
async function replaceAll(program: Program): Promise<void> {
  const before = pidsOf(program)
  expect(before).toHaveLength(PROCESSES)
  for (const [i, pid] of before.entries()) {
    process.kill(pid, 'SIGTERM')
    await until('another in its place', () => pidsOf(program).length === PROCESSES + i + 1, 15_000)
    await sleep(300)
  }
}

describe.runIf(process.platform === 'linux')('all processes of a port replaced one by one, under load', () => {
  const server = useRedis()
  const settings = () => ({ REDSWARM_REDIS_URL: server().url })

  it(
    'lose no client of UDP an answer',
    () =>
      withProgram(['udp', '--processes', String(PROCESSES)], settings(), async (program) => {
        const port = (await program.serving()).udp[0]?.port ?? 0
        const clients = await Promise.all(Array.from({ length: CLIENTS }, () => UdpClient.open(port)))
        for (const client of clients) await client.connect()
        const stop = startLoad((i) => (clients[i] as UdpClient).announce())
        await replaceAll(program)
        const { answered, problems } = await stop()
        for (const client of clients) client.close()
        expect(answered).toBeGreaterThan(1000)
        expect(problems).toEqual([])
      }),
    60_000,
  )

  it(
    'answer every client of HTTP, at the second connection where Linux has cut the first',
    () =>
      withProgram(['http', '--processes', String(PROCESSES)], settings(), async (program) => {
        const url = `http://127.0.0.1:${(await program.serving()).http[0]?.port}`
        let cut = 0
        const ask = (i: number) => announce(url, { port: 2000 + i })
        const stop = startLoad((i) =>
          ask(i).catch(() => {
            cut += 1
            return ask(i)
          }),
        )
        await replaceAll(program)
        const { answered, problems } = await stop()
        expect(answered).toBeGreaterThan(1000)
        expect(problems).toEqual([])
        // Those that a process has not taken yet when it closes (docs/operations.md); none of which it has.
        expect(cut).toBeLessThan(answered / 20)
        expect((await auditAll({ redis: server().redis, keys: makeKeys(''), peerLifetimeS: 3900 })).faults).toEqual([])
      }),
    60_000,
  )
})
