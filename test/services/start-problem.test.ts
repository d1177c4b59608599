import { expect, it } from 'vitest'
import { connectRedis } from '../../lib/store/connect.ts'
import { startProblem } from '../../services/start-problem.ts'
import { startRedis } from '../support/redis.ts'

it('a start that Redis leaves without an answer says so, and what to do', async () => {
  const server = await startRedis()
  const redis = await connectRedis(server.url)
  const problem = () =>
    redis.get('key').then(
      () => undefined,
      (error: unknown) => startProblem(error),
    )
  try {
    server.process.kill('SIGSTOP')
    const said = [await problem()]
    server.process.kill('SIGKILL')
    said.push(await problem())
    for (const each of said)
      expect(each).toMatch(/^Redis left the start without an answer: [^\n]+\n {2}is it hung, or overloaded\? [^\n]+$/)
  } finally {
    redis.disconnect()
    await server.stop()
  }
})
