import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { makeLineWriter, readBlocks } from '../../lib/store/move/lines.ts'
import { readSwarmRecord, swarmLine } from '../../lib/store/move/records.ts'
import { EVENT, makeReport } from '../../lib/wire/announce.ts'
import type { Endpoint } from '../../lib/wire/endpoint.ts'

const lineOf = (i: number) => `{"line":${i},"text":"${'x'.repeat(i % 300)}"}`

function fileOf(lines: number): Buffer {
  const writer = makeLineWriter()
  let text = ''
  for (let i = 0; i < lines; i++) text += writer.add(`${lineOf(i)}\n`)
  return Buffer.from(text + writer.end())
}

async function* piecesOf(file: Buffer, size = 10_007): AsyncGenerator<Buffer> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size)
}

/** The lines that can be read of a file, and what is told of it. */
async function read(file: Buffer, size?: number): Promise<{ lines: string[]; problem: string }> {
  const lines: string[] = []
  try {
    for await (const block of readBlocks('f', piecesOf(file, size))) lines.push(...block.lines)
    return { lines, problem: '' }
  } catch (error) {
    return { lines, problem: (error as Error).message }
  }
}

const LINES = 6000
const FILE = fileOf(LINES)
const ALL = Array.from({ length: LINES }, (_, i) => lineOf(i))

describe('lines of an export', () => {
  it('are read as they were written, however the file comes', async () => {
    expect(FILE.length).toBeGreaterThan(900_000)
    for (const size of [997, 65_536, FILE.length]) expect(await read(FILE, size)).toEqual({ lines: ALL, problem: '' })
  })

  it('are not used from the block on in which one byte is another, and it is told where', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(FILE.length - 2), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const file = Buffer.from(FILE)
        file[at] = (file[at] as number) ^ by
        const { lines, problem } = await read(file)
        expect(lines).toEqual(ALL.slice(0, lines.length))
        const line = FILE.subarray(0, at + 1).filter((byte) => byte === 10).length + 1
        const [, from, to] = /^f is damaged in one of its lines (\d+) to (\d+)/.exec(problem) ?? []
        // A check line that is none any more ends no block.
        if (from === undefined) expect(problem).toMatch(/^f is (?:damaged after|cut off)/)
        else expect([Number(from) <= line, line <= Number(to)]).toEqual([true, true])
      }),
      { numRuns: 150 },
    ))

  it('are not used where lines of it are missing, come twice or in another order', async () => {
    const checks = [...FILE.toString().matchAll(/\{"check".*\n/g)].map(({ index, 0: { length } }) => index + length)
    const [first = 0, second = 0, third = 0] = checks
    for (const file of [
      Buffer.concat([FILE.subarray(0, first), FILE.subarray(second)]),
      Buffer.concat([FILE.subarray(first, second), FILE.subarray(0, first), FILE.subarray(second)]),
      Buffer.concat([FILE.subarray(0, second), FILE.subarray(first, second), FILE.subarray(second, third)]),
    ])
      expect((await read(file)).problem).toContain('f is damaged')
  })

  it('that are cut off anywhere but at a block’s end are told to be', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: FILE.length - 1 }), async (bytes) => {
        const { lines, problem } = await read(FILE.subarray(0, bytes))
        expect(lines).toEqual(ALL.slice(0, lines.length))
        if (FILE[bytes - 1] !== 10 || !FILE.subarray(0, bytes).toString().endsWith('}\n'))
          expect(problem).toContain('f is cut off')
      }),
      { numRuns: 100 },
    ))

  it('are no endless line', async () => {
    expect((await read(Buffer.alloc(5_000_000, 'x'))).problem).toBe(
      'f is damaged after line 0; what comes before is as it was written, and nothing from there on was imported',
    )
  })
})

describe('the line of a swarm', () => {
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const u32 = fc.nat(2 ** 32 - 1)
  const bytes = (length: number) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((each) => Buffer.from(each))
  const isMapped = (address: Buffer) =>
    address.subarray(0, 10).every((byte) => byte === 0) && address.readUInt16BE(10) === 0xffff
  const endpoint = fc.oneof(
    bytes(6),
    bytes(18).filter((each) => !isMapped(each)),
  ) as fc.Arbitrary<Endpoint>
  const details = fc.record({
    report: fc.tuple(bytes(20), u64, u64, u64).map((parts) => makeReport(...parts)),
    event: fc.constantFrom(...Object.values(EVENT)),
  })
  const peer = fc.record({
    endpoint,
    isSeeder: fc.boolean(),
    announcedS: u32,
    details: fc.option(details, { nil: undefined }),
  })
  const swarm = fc.record({
    hex: bytes(20).map((each) => each.toString('hex')),
    addedS: u32,
    completed: u32,
    peers: fc.array(peer).map((peers) => peers.sort((a, b) => Number(b.isSeeder) - Number(a.isSeeder))),
    done: fc.array(fc.record({ endpoint, atS: u32 })),
  })

  it('says all of it', () =>
    fc.assert(
      fc.property(swarm, (each) => {
        const line = swarmLine(each)
        expect(line).toMatch(/^[\x20-\x7e]+\n$/)
        expect(readSwarmRecord(JSON.parse(line))).toEqual(each)
      }),
    ))

  it.each([
    ['{"swarm":"xyz"}', 'a swarm has no info hash'],
    [`{"swarm":"${'a'.repeat(40)}","added":0}`, 'completed is no whole number'],
    [`{"swarm":"${'a'.repeat(40)}","added":-1,"completed":0}`, 'added is no whole number'],
    [`{"swarm":"${'a'.repeat(40)}","added":0,"completed":0,"seeders":{}}`, 'are no list'],
    [`{"swarm":"${'a'.repeat(40)}","added":0,"completed":0,"seeders":[["1.2.3:4",0]]}`, 'a peer has no address'],
    [`{"swarm":"${'a'.repeat(40)}","added":0,"completed":0,"seeders":[["1.2.3.4:70000",0]]}`, 'a peer has no address'],
    [`{"swarm":"${'a'.repeat(40)}","added":0,"completed":0,"seeders":[["[1.2.3.4]:7",0]]}`, 'a peer has no address'],
    [
      `{"swarm":"${'a'.repeat(40)}","added":0,"completed":0,"leechers":[["1.2.3.4:7",0,"${'0'.repeat(40)}",0,0,"18446744073709551616",0]]}`,
      'an amount is more than 64 bits',
    ],
    [
      `{"swarm":"${'a'.repeat(40)}","added":0,"completed":0,"leechers":[["1.2.3.4:7",0,"${'0'.repeat(40)}",0,0,0,9]]}`,
      'a peer has an event that there is not',
    ],
  ])('is refused where it is wrong: %s', (line, problem) => {
    expect(() => readSwarmRecord(JSON.parse(line))).toThrow(problem)
  })
})
