import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { makeBanList } from '../../lib/store/bans.ts'
import { makeClientList, makeClientReader, rulesOf } from '../../lib/store/clients.ts'
import { connectRedis } from '../../lib/store/connect.ts'
import { makeDeniedList } from '../../lib/store/denied.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { makeListCopy } from '../../lib/store/list-copy.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { addUsers, refusalsOf } from '../support/users.ts'

let server: TestRedis
beforeAll(async () => {
  server = await startRedis()
  await addUsers(server.redis)
})
afterAll(() => server?.stop())

const urlOf = (user: string) => server.url.replace('unix://', `unix://${user}:change-me-${user}@`)

describe('the users of infra/redis/users.acl', () => {
  it.each([
    ['udp', 'operator'],
    ['http', 'api'],
  ])('let a frontend read lists and what changes in them, which others write: %s, %s', async (frontend, writer) => {
    const [reads, writes] = [await connectRedis(urlOf(frontend)), await connectRedis(urlOf(writer))]
    onTestFinished(() => [reads, writes].forEach((redis) => void redis.disconnect()))
    const keys = makeKeys('')
    for (const make of [makeBanList, makeDeniedList, makeClientList]) {
      const copy = await makeListCopy(make({ redis: reads, keys }), () => makeClientReader(rulesOf))
      await make({ redis: writes, keys }).put([['-XL', 'deny']])
      await copy.refresh()
      expect(copy.view()).toEqual([['-XL', 'deny']])
      expect(await make({ redis: writes, keys }).remove(['-XL'])).toEqual([true])
    }
    expect(await refusalsOf(server.redis)).toEqual([])
  })
})
