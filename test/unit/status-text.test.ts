import { expect, it } from 'vitest'
import type { AwayMaster } from '../../lib/store/away-masters.ts'
import type { Instance } from '../../lib/store/instances.ts'
import { foldedTo, processTable, withoutText } from '../../services/cli/operate/status-text.ts'

const numbers = { startedAt: 0, at: 100, rssBytes: 2e8, cpuCores: 0.005, requestsPerS: 1200 }
const instance: Instance = {
  ...{ id: 'a', roles: ['udp', 'http'], host: 'vm', pid: 28924, version: '0.1.0', node: 'v24.0.0', ...numbers },
  listens: ['udp 0.0.0.0:6969', 'udp [::]:6969', 'http 0.0.0.0:7070', 'metrics 127.0.0.1:9464'],
}
const TABLE = processTable([instance, { ...instance, roles: ['sweeper'], listens: [] }], 100)
const linesAt = (columns: number | undefined) => foldedTo(columns, TABLE).flat()

it('a process that listens in many places is a line where nobody has said how wide the terminal is', () =>
  expect(linesAt(undefined)).toEqual(TABLE))

it('its places are folded in their column where that is wide enough, between one and the next', () => {
  const lines = linesAt(110)
  expect(lines.map((line) => line.replace(/ +/g, ' '))).toEqual([
    ' roles host pid version requests/s CPU memory listens',
    ' udp http vm 28924 0.1.0 1,200 0.5 % 200.0 MB udp 0.0.0.0:6969, udp [::]:6969,',
    ' http 0.0.0.0:7070, metrics 127.0.0.1:9464',
    ' sweeper vm 28924 0.1.0 1,200 0.5 % 200.0 MB',
  ])
  expect(lines[2]?.indexOf('http')).toBe(lines[0]?.indexOf('listens'))
  expect(lines.every(({ length }) => length <= 110)).toBe(true)
})

it('its places go below it on a narrow terminal', () => {
  const lines = linesAt(80)
  expect(lines).toEqual([
    TABLE[0]?.replace(/ +listens$/, ''),
    TABLE[1]?.replace(/ +udp 0.*$/, ''),
    '      udp 0.0.0.0:6969, udp [::]:6969, http 0.0.0.0:7070, metrics 127.0.0.1:9464',
    TABLE[2],
  ])
  expect(lines.every(({ length }) => length <= 80)).toBe(true)
})

it.each([
  [['a:1'], 'without the swarms of a:1, which is away'],
  [['a:1', 'b:2'], 'without the swarms of a:1, b:2, which are away'],
])('totals without masters %j say so', (addresses, told) => {
  const all = addresses.map((address): AwayMaster => ({ address, cause: 'slow', reason: '' }))
  expect(withoutText({ all, failure: undefined, of: () => undefined })).toBe(told)
})
