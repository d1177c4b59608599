import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { messageOf } from '../../lib/errors.ts'
import { loadPeopleLibrary } from '../../lib/store/people-library.ts'
import { show } from '../support/people.ts'
import { useRedis } from '../support/redis.ts'
import { hashOf, storeOn } from '../support/store.ts'
import { EMPTIED, hexOf, LARGE, POPULATION, SMALL } from './audit-damage.ts'
import { KEY_DAMAGES } from './audit-key-damage.ts'
import { SWARM_DAMAGES } from './audit-swarm-damage.ts'

const server = useRedis()
const HEX = hexOf(hashOf('616'))
const INDEX = 'torrents:{616}'

type FunctionCall = [name: string, ...rest: (string | number)[]]

/** Shows all that there is of the swarms that are damaged. */
async function showAll(redis: Redis): Promise<string[]> {
  const calls = [SMALL, LARGE, EMPTIED].map(hexOf).flatMap((hex): FunctionCall[] => {
    const index = `torrents:{${hex.slice(0, 3)}}`
    return [
      ['redswarm_swarm', 1, index, hex],
      ['redswarm_peers', 1, index, hex, 500],
      ['redswarm_torrents', 1, index],
    ]
  })
  const all: FunctionCall[] = [...calls, ['redswarm_stats', 1, 'stats'], ['redswarm_stats', 1, 'instances']]
  return (await Promise.all(all.map((each) => show(redis, ...each)))).flat()
}

/** What is not shown, or only an audit compares, at its cost. */
const FOR_AN_AUDIT = [
  'a truncated piece of a small swarm',
  'a piece that tells a peer of another swarm',
  'a missing piece',
  'a piece of a chunk that there is not',
  'a peer beside the chunks of a large swarm',
  'a due time after the first peer expires',
  'an emptied swarm that is never due, and remembers who completed',
  'totals that are wrong',
  'a memory of completed downloads of no swarm',
  'a memory with a member that is no endpoint',
  'rankings of a wrong type',
  'marks of the sweeper of a wrong type',
  'accounts of a wrong type',
  'a secret of a wrong type',
  'a foreign key with a name like ours',
]

describe('what others have written', () => {
  it('is told of where a function meets it, and makes none fail', async () => {
    const { redis } = server()
    const unseen: string[] = []
    for (const { name, inflict } of [...SWARM_DAMAGES, ...KEY_DAMAGES]) {
      await redis.flushall()
      await storeOn(redis).announce(POPULATION)
      expect(
        (await showAll(redis)).filter((line) => line.startsWith('wrong')),
        name,
      ).toEqual([])
      await inflict(redis)
      const lines = await showAll(redis)
      expect(lines.join('\n'), name).not.toMatch(/user_function|script|cannot be shown/)
      if (!lines.some((line) => line.startsWith('wrong: '))) unseen.push(name)
      else expect(lines).toContain('`npx redswarm audit` looks at all of it, and mends most with --repair')
    }
    expect(unseen.toSorted()).toEqual(FOR_AN_AUDIT.toSorted())
  })
})

it('a user of Redis who may not run a command is told so, and what else there is', async () => {
  const { redis } = server()
  await storeOn(redis).announce(POPULATION)
  await loadPeopleLibrary(redis)
  const call = ['redswarm_swarm', 1, 'torrents:{a00}', hexOf(SMALL)] as const
  const shownWithout = async (...rules: string[]) => {
    await redis.call('ACL', 'SETUSER', 'poor', 'reset', 'on', '>secret', '~*', '+@all', ...rules)
    const poor = redis.duplicate({ username: 'poor', password: 'secret' })
    const lines = (await poor.call('FCALL_RO', ...call)) as string[]
    poor.disconnect()
    return lines
  }
  const lines = await shownWithout('-memory', '-sismember')
  expect(lines).toContainEqual(expect.stringMatching(/^memory {5}not told: .*(?:can't run|ACL)/))
  expect(lines).toContainEqual(expect.stringMatching(/^listed {5}not told$/))
  expect(lines).toContainEqual(expect.stringMatching(/^wrong: whitelist:\{a00\} .*(?:can't run|ACL)/))
  expect(lines[1]).toBe('seeders    1')
  expect(await shownWithout('-time')).toEqual([
    expect.stringMatching(/^this cannot be shown: torrents:\{a00\} .*(?:can't run|ACL)/),
  ])
  await redis.call('ACL', 'DELUSER', 'poor')
})

describe('what is typed wrong', () => {
  const problemOf = async (...call: FunctionCall) => {
    const [result] = await Promise.allSettled([show(server().redis, ...call)])
    expect(result.status, call.join(' ')).toBe('rejected')
    return messageOf((result as PromiseRejectedResult).reason).replace(/ \(FCALL_RO.*\)$/, '')
  }

  it('is answered with what to type instead', async () => {
    const swarm = `type: FCALL_RO redswarm_swarm 1 '${INDEX}' ${HEX}`
    const other = (name: string) => `type: FCALL_RO ${name} 1 'torrents:{09a}' <info hash>`
    const cases: [FunctionCall, problem: string][] = [
      [['redswarm_swarm', 0], `ERR no info hash is given; ${other('redswarm_swarm')}`],
      [['redswarm_swarm', 1, INDEX], `ERR no info hash is given; ${other('redswarm_swarm').replace('09a', '616')}`],
      [
        ['redswarm_peers', 1, 'any', 'a\r\n"b'],
        `ERR "a.."b" is no info hash of 40 hex digits; ${other('redswarm_peers')}`,
      ],
      [
        ['redswarm_swarm', 1, INDEX, `${HEX}0`],
        `ERR "${HEX}0" is no info hash of 40 hex digits; ${swarm.replace(HEX, '<info hash>')}`,
      ],
      [['redswarm_swarm', 1, INDEX, HEX, 5], `ERR it takes an info hash and nothing else; ${swarm}`],
      [
        ['redswarm_torrents', 1, INDEX, 501],
        `ERR the limit must be 1 to 500, not "501"; type: FCALL_RO redswarm_torrents 1 '${INDEX}' 50`,
      ],
      [
        ['redswarm_peers', 1, INDEX, HEX, 0],
        `ERR the limit must be 1 to 500, not "0"; type: FCALL_RO redswarm_peers 1 '${INDEX}' ${HEX} 50`,
      ],
      [
        ['redswarm_peers', 1, INDEX, HEX, 10, -1],
        `ERR how many to pass over must be a whole number, not "-1"; type: FCALL_RO redswarm_peers 1 '${INDEX}' ${HEX} 10 0`,
      ],
      [
        ['redswarm_torrents', 1, INDEX, 10, 20, 30],
        `ERR there are more arguments than it takes; type: FCALL_RO redswarm_torrents 1 '${INDEX}' 10 20`,
      ],
    ]
    for (const [call, problem] of cases) expect(await problemOf(...call)).toBe(problem)
    const wrongKeys = ['torrents:{617}', 'torrents:{6160}', `swarm:{616}:${HEX}`, 'x']
    for (const key of wrongKeys) expect(await problemOf('redswarm_swarm', 1, key, HEX)).toMatch(`; ${swarm}`)
    expect(await problemOf('redswarm_swarm', 2, INDEX, INDEX, HEX)).toMatch(`; ${swarm}`)
    expect(await problemOf('redswarm_swarm', 1, 'p:torrents:{617}', HEX)).toMatch(swarm.replace(INDEX, `p:${INDEX}`))
    for (const call of [[0], [1, 'x'], [1, 'torrents:{61}']] as const)
      expect(await problemOf('redswarm_torrents', ...call)).toMatch(
        /type: FCALL_RO redswarm_torrents 1 'torrents:\{09a\}'$/,
      )
    for (const call of [[0], [1, 'x'], [1, 'stats', 'x'], [2, 'stats', 'stats']] as const)
      expect(await problemOf('redswarm_stats', ...call)).toMatch(/; type: FCALL_RO redswarm_stats 1 'stats'$/)
    expect(await problemOf('redswarm_stats', 1, 'p:instances', 'x')).toMatch(/1 'p:instances'$/)
  })
})
