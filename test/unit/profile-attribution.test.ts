import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { underPaths } from '../../services/profile/paths.ts'
import { type Frame, type Stack, samplesOf } from '../../services/profile/stacks.ts'
import { stageOf, stageProblem, tableOfStages } from '../../services/profile/stages.ts'

/** A frame written as `name file:line`, file and line left out for native code. */
function frameOf(text: string): Frame {
  const [, name = '', place = ''] = /^(\([^)]*\)|\S+) ?(.*)$/.exec(text) ?? []
  const [, file = '', line = '1'] = /^(.*?)(?::(\d+))?$/.exec(place) ?? []
  return { name, file, line: Number(line), column: 1, scriptId: '1' }
}
const stack = (samples: number, ...frames: string[]): Stack => ({ frames: frames.map(frameOf), samples, lines: [] })
const microtask = ['processTicksAndRejections node:internal/process/task_queues', 'runMicrotasks']
const decoder = ['onStreamRead node:internal/stream_base_commons', 'write npm:ioredis/built/DataHandler.js']

const lineIn = (file: string, text: string): number =>
  readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1

const samplesBelow = (stacks: readonly Stack[], path: string): number =>
  samplesOf(stacks.filter(({ frames }) => frames[0]?.name === path))

describe('stages', () => {
  it.each([
    ['receive', 'readBatch lib/udp/linux/linux-socket.ts', 'copy node:buffer'],
    ['send', 'handle services/udp/datagram.ts', 'sendBatch lib/udp/linux/linux-socket.ts', 'system'],
    ['parse', 'decide services/udp/datagram.ts', 'parseUdpRequest lib/wire/udp-request.ts'],
    ['verify', 'decide services/udp/datagram.ts', 'check lib/wire/connection-id.ts', 'compare node:buffer'],
    ['batch', 'pump lib/store/batcher.ts', 'send lib/store/node-store.ts'],
    ['Redis: write calls', 'send lib/store/node-store.ts', 'sendCommand npm:ioredis/built/Redis.js', 'write node:net'],
    [
      'Redis: read replies',
      'onStreamRead node:net',
      'x npm:ioredis/built/DataHandler.js',
      'y npm:ioredis/built/Command.js',
    ],
    ['write', 'answerAnnounces services/udp/datagram.ts', 'writeAnnounceReply lib/wire/udp-reply.ts'],
    ['sweep', 'work services/sweeper/sweep.ts'],
    ['timers and promises', ...microtask],
    ['event loop and system calls', '(program)'],
  ])('%s is told by the innermost frame that has a stage', (stage, ...frames) => {
    expect(stageOf(frames.map(frameOf))).toBe(stage)
  })

  it('are never found for code of ours that the table does not have', () => {
    const ticked = [...microtask, 'work lib/new/part.ts', 'nextTick node:internal/process/task_queues']
    expect(stageOf(ticked.map(frameOf))).toBeUndefined()
    expect(stageOf(['work lib/new/part.ts', 'concat node:buffer'].map(frameOf))).toBeUndefined()
  })

  it('tell beside what they name how much of that is on the path of the tracker', () => {
    const table = tableOfStages([
      stack(70, 'sendBatch lib/udp/linux/linux-socket.ts'),
      stack(10, '(program)'),
      stack(8, ...microtask),
      stack(7, 'run services/profile/sampler.ts'),
      stack(5, 'work lib/new/part.ts'),
      stack(900, '(idle)'),
    ])
    expect(table.own).toEqual({ samples: 70, share: 0.7 })
  })

  it('say of what they miss how much it is, and where', () => {
    const table = tableOfStages([
      stack(90, 'sendBatch lib/udp/linux/linux-socket.ts'),
      stack(10, 'work lib/new/part.ts'),
      stack(900, '(idle)'),
    ])
    expect(table).toMatchObject({ samples: 1000, busy: 100, unnamed: { samples: 10, share: 0.1 } })
    expect(stageProblem(table)).toContain('10 work lib/new/part.ts')
    expect(stageProblem(tableOfStages([stack(100, 'sendBatch lib/udp/linux/linux-socket.ts')]))).toBeUndefined()
  })
})

describe('request paths', () => {
  const announceLine = lineIn('lib/store/node-store.ts', 'const announces: NodeStore') + 5
  const scrapeLine = lineIn('lib/store/node-store.ts', 'const scrapes: NodeStore') + 5
  const writeCall = (line: number) => [`send lib/store/node-store.ts:${line}`, 'sendCommand npm:ioredis/built/Redis.js']

  it('have what their continuations do below them, and where in the request that is', () => {
    const [only] = underPaths([stack(4, ...microtask, 'answerAnnounces services/udp/datagram.ts')], 'udp', {})
    expect(only?.frames.map(({ name }) => name)).toEqual([
      'announce (UDP)',
      "after the store's reply",
      'answerAnnounces',
    ])
  })

  it('tell the calls of announces and of scrapes apart, which have one name', () => {
    const calls = [stack(5, ...microtask, ...writeCall(announceLine)), stack(3, ...microtask, ...writeCall(scrapeLine))]
    const rooted = underPaths(calls, 'udp', {})
    expect([samplesBelow(rooted, 'announce (UDP)'), samplesBelow(rooted, 'scrape (UDP)')]).toEqual([5, 3])
  })

  it('share the reading of replies by the samples in which their calls were written', () => {
    const stacks = [
      stack(30, ...microtask, ...writeCall(announceLine)),
      stack(10, ...microtask, ...writeCall(scrapeLine)),
      stack(100, ...decoder),
      stack(100, ...decoder, 'decode npm:ioredis/built/resp/decoder.js'),
    ]
    const rooted = underPaths(stacks, 'udp', {})
    const replies = rooted.filter(({ frames }) => frames[1]?.name === "the store's reply is read")
    expect([samplesBelow(replies, 'announce (UDP)'), samplesBelow(replies, 'scrape (UDP)')]).toEqual([150, 50])
  })

  it('share what is done for every datagram by the requests that were answered, and lose no sample', () => {
    const stacks = Array.from({ length: 100 }, (_, i) => stack(1, `readBatch lib/udp/linux/linux-socket.ts:${i}`))
    const rooted = underPaths(stacks, 'udp', { connect: 50, announce: 50, scrape: 1 })
    expect(samplesOf(rooted)).toBe(100)
    expect(samplesBelow(rooted, 'scrape (UDP)')).toBe(1)
    expect(
      Math.abs(samplesBelow(rooted, 'connect (UDP)') - samplesBelow(rooted, 'announce (UDP)')),
    ).toBeLessThanOrEqual(1)
  })

  it('leave the check of connection ids to those that have one', () => {
    const checks = [stack(10, 'decide services/udp/datagram.ts', 'check lib/wire/connection-id.ts')]
    const rooted = underPaths(checks, 'udp', { connect: 50, announce: 50, scrape: 0 })
    expect(samplesBelow(rooted, 'announce (UDP)')).toBe(10)
  })

  it('give connects the replies that are sent at once', () => {
    const frames = [
      'handle services/udp/datagram.ts',
      'send services/udp/service.ts',
      'sendAll lib/udp/linux/linux-socket.ts',
    ]
    expect(samplesBelow(underPaths([stack(6, ...frames)], 'udp', {}), 'connect (UDP)')).toBe(6)
  })

  it('keep garbage collection, idleness and the background apart', () => {
    const stacks = [
      stack(1, '(garbage collector)'),
      stack(2, '(idle)'),
      stack(3, '(program)'),
      stack(4, 'listOnTimeout node:internal/timers', 'run lib/store/stats.ts'),
    ]
    const names = underPaths(stacks, 'udp', {}).map(({ frames, samples }) => [frames[0]?.name, samples])
    expect(names).toEqual([
      ['garbage collection', 1],
      ['idle', 2],
      ['event loop and system calls', 3],
      ['background', 4],
    ])
  })
})
