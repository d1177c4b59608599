import { describe, expect, it } from 'vitest'
import { fixed, shownBytes, tableOf } from '../../lib/observe/table.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { loadScript, makeScript } from '../../lib/store/scripts.ts'
import { instrumentScript, isOfTracker, readCounted } from '../../services/profile/redis/instrument.ts'
import { kindOfKey } from '../../services/profile/redis/kinds.ts'
import { scaledUp } from '../../services/profile/redis/memory.ts'
import { foldedText, foldStacks, samplesPerS, shareOf } from '../../services/profile/redis/perf.ts'
import { isNamed, perfStages } from '../../services/profile/redis/perf-stages.ts'
import { type CountedRun, countsProblem } from '../../services/profile/redis/run.ts'
import { describeCall } from '../../services/profile/redis/slowlog.ts'
import { readCommandStats, readLatencies } from '../../services/profile/redis/stats.ts'

const HEX = '0123456789abcdef0123456789abcdef01234567'

describe('kinds of key', () => {
  it.each(['', 'one:'])('are told of every key that the tracker builds, with the prefix "%s"', (prefix) => {
    const keys = makeKeys(prefix)
    const kinds = {
      [keys.swarm(HEX)]: 'swarm',
      [`${keys.swarm(HEX)}:s4:0000`]: 'chunk',
      [`${keys.swarm(HEX)}:done`]: 'done',
      [keys.torrents('09a')]: 'index',
      [keys.totals('09a')]: 'totals',
      [keys.whitelist('09a')]: 'whitelist',
      [`${prefix}accounts:{09a}`]: 'accounts',
      [keys.stats]: 'other',
      [keys.secret]: 'other',
      [keys.ranks('seeders')]: 'other',
      [`${keys.swarm(HEX)}x`]: 'other',
    }
    for (const [key, kind] of Object.entries(kinds)) expect(kindOfKey(prefix, key), key).toBe(kind)
  })

  it('of another prefix are none of ours', () => {
    expect(kindOfKey('one:', makeKeys('two:').swarm(HEX))).toBe('other')
  })
})

describe('the instrumented copy of a script', () => {
  const script = (text: string) => makeScript('some', text)
  const GOOD = "#!lua flags=no-writes\nlocal found = redis.call('GET', 'a')\nreturn found\n"

  it('has the script in it as it is, its flags, and a name of its own', () => {
    const plain = loadScript('announce')
    const copy = instrumentScript(plain, '')
    expect(copy.flags).toEqual(plain.flags)
    // Counting is a write: that there are none is all that is no longer promised.
    expect(instrumentScript(loadScript('scrape'), '').flags).toEqual(['allow-cross-slot-keys'])
    expect(instrumentScript(script(GOOD), '').flags).toEqual([])
    expect(copy.text).toContain(plain.body)
    expect(copy.id).toMatch(/^redswarm_announce_[0-9a-f]{12}$/)
    expect(copy.id).not.toBe(plain.id)
  })

  it('is not made where the script does not look as expected', () => {
    expect(() => instrumentScript(script(GOOD), '')).not.toThrow()
    const bad: [text: string, why: RegExp][] = [
      [GOOD.replace("redis.call('GET', 'a')", '1'), /calls nothing/],
      [GOOD.replace('redis.call', "redis['call']"), /uses redis, which/],
      [GOOD.replace('redis.call', 'redis.acl_check_cmd'), /uses redis\.acl_check_cmd/],
      [GOOD.replace('local', 'local known = redis\nlocal'), /uses redis, which/],
      [`${GOOD.replace('local', "server.call('PING')\nlocal")}`, /uses server\./],
      [GOOD.replace('return found', 'found = 1'), /does not end in a reply/],
    ]
    for (const [text, why] of bad) expect(() => instrumentScript(script(text), ''), text).toThrow(why)
  })

  it('writes fields that are read back, its own calls told apart', () => {
    const counted = readCounted({
      'announce HGET chunk': '3',
      'announce HINCRBY profile': '5',
      'announce FCALL none': '1',
    })
    expect(counted[0]).toEqual({ script: 'announce', command: 'HINCRBY', kind: 'profile', calls: 5 })
    expect(counted.filter(isOfTracker)).toEqual([{ script: 'announce', command: 'HGET', kind: 'chunk', calls: 3 }])
  })
})

describe('what Redis tells', () => {
  it('of commands is read, the dearest first', () => {
    const info =
      '# Commandstats\r\ncmdstat_hget:calls=4,usec=6,usec_per_call=1.50,rejected_calls=0,failed_calls=1\r\n' +
      'cmdstat_config|get:calls=1,usec=60,usec_per_call=60.00,rejected_calls=0,failed_calls=0\r\n'
    expect(readCommandStats(info)).toEqual([
      { command: 'CONFIG GET', calls: 1, us: 60, failed: 0 },
      { command: 'HGET', calls: 4, us: 6, failed: 1 },
    ])
  })

  it('is refused where a field is missing', () => {
    expect(() => readCommandStats('cmdstat_hget:calls=4,failed_calls=0')).toThrow('no usec of cmdstat_hget')
    expect(() => readLatencies('latency_percentiles_usec_hget:p50=1', [])).toThrow('no p99')
  })

  it('of latencies is joined, and each bound of a histogram has its own calls', () => {
    const info = '# Latencystats\r\nlatency_percentiles_usec_fcall:p50=100.5,p99=200,p99.9=300\r\n'
    const histograms = ['fcall', ['calls', 10, 'histogram_usec', [66, 4, 132, 9, 264, 10]]]
    expect(readLatencies(info, histograms)).toEqual([
      {
        ...{ command: 'FCALL', calls: 10, p50Us: 100.5, p99Us: 200, p999Us: 300 },
        histogram: [
          [66, 4],
          [132, 5],
          [264, 1],
        ],
      },
    ])
  })

  it('of a slow call is a line: the script by its name, its records by their bytes', () => {
    const announce = loadScript('announce')
    const head = ['FCALL', announce.id, '0', '', '3900', '45', '', '7', ''].map((text) => Buffer.from(text))
    const records = Buffer.from(`${'x'.repeat(100)}... (6400 more bytes)`)
    expect(describeCall([...head, records])).toBe('FCALL announce, 6,500 bytes')
    expect(describeCall([...head, Buffer.from('short')])).toBe('FCALL announce, 5 bytes')
    expect(describeCall(['FCALL', 'another\x1b', '0'].map((text) => Buffer.from(text)))).toBe('FCALL another., 1 bytes')
    expect(describeCall([Buffer.from('GET'), Buffer.from('a\x1b[31m')])).toBe('GET a.[31m')
  })
})

describe('a sample of sizes', () => {
  it('is scaled up with its error, and is exact where it is all there is', () => {
    expect(scaledUp([10, 20, 30], 3)).toEqual({ bytes: 60, errorBytes: 0 })
    expect(scaledUp([10, 10], 1000)).toEqual({ bytes: 10_000, errorBytes: 0 })
    const { bytes, errorBytes } = scaledUp([10, 20, 30, 40], 400)
    expect(bytes).toBe(10_000)
    // 1.96 * 400 * sqrt(166.67 / 4 * 0.99)
    expect(errorBytes).toBe(5035)
    expect(scaledUp([], 0)).toEqual({ bytes: 0, errorBytes: 0 })
  })
})

describe('stacks of perf', () => {
  const SCRIPT = `
    55e0 call
    55d0 main

    55e0 call
    55d0 main

      7f01 __memcpy_avx+0x10 (inlined)
      0 [unknown]
      0 [unknown]
    55d0 main
`
  it('are folded, the outermost first', async () => {
    const stacks = await foldStacks(SCRIPT.split('\n'))
    expect(foldedText(stacks)).toBe('main;call 2\nmain;[unknown];__memcpy_avx+0x10 (inlined) 1\n')
    expect(shareOf(stacks, /^call$/)).toBeCloseTo(2 / 3)
    expect(shareOf(new Map(), /./)).toBe(0)
  })

  it('are refused where a line is no frame', async () => {
    await expect(foldStacks(['redis-server 1234 cycles:'])).rejects.toThrow('no frame')
  })
})

describe('samples of perf', () => {
  it('are never so many that they fill a disk, and take no step with a timer', () => {
    expect(samplesPerS(10)).toBe(499)
    for (const seconds of [1, 30, 60, 600]) expect(samplesPerS(seconds) * seconds).toBeLessThanOrEqual(15_000)
    for (const seconds of [1, 30, 60, 600]) expect(samplesPerS(seconds) % 10).not.toBe(0)
  })
})

describe('calls that scripts and Redis counted', () => {
  const runOf = (byRedis: number): CountedRun => ({
    ...{ announces: 100, calls: 2 },
    counted: [{ script: 'announce', command: 'HGET', kind: 'swarm', calls: 100 }],
    redisCounted: [{ command: 'HGET', calls: byRedis, us: 1, failed: 0 }],
  })

  it('are wrong where Redis counted fewer, and right where it counted those of other scripts too', () => {
    expect(countsProblem(runOf(99))).toContain('HGET 99 of 100')
    expect(countsProblem(runOf(100))).toBeUndefined()
    expect(countsProblem(runOf(140))).toBeUndefined()
  })
})

describe('stages of perf', () => {
  const SCRIPT = 'main;aeMain;readQueryFromClient;processCommand;call;fcallCommandGeneric;luaCallFunction;lua_pcall'
  const stacks = new Map([
    [`${SCRIPT};[unknown]`, 40],
    [`${SCRIPT};[unknown];scriptCall;call;hsetCommand;hashTypeSet`, 30],
    [`${SCRIPT};[unknown];scriptCall;lookupCommand`, 10],
    ['main;aeMain;beforeSleep;flushAppendOnlyFile;write', 12],
    ['main;aeMain;beforeSleep;handleClientsWithPendingWrites;write', 5],
    ['main;somewhere', 3],
  ])

  it('take the innermost thing that is done, and are all of the samples', () => {
    expect(perfStages(stacks).map(({ stage, samples }) => [stage, samples])).toEqual([
      ['Lua', 40],
      ['commands that scripts call', 30],
      ['AOF: to the file', 12],
      ['the way from Lua to a command and back', 10],
      ['sending replies', 5],
      ['everything else', 3],
    ])
    expect(isNamed(stacks)).toBe(true)
  })

  it('are not told where perf cannot name functions', () => {
    expect(
      isNamed(
        new Map([
          ['[unknown]', 90],
          ['main;epoll_wait', 10],
        ]),
      ),
    ).toBe(false)
  })
})

describe('tables', () => {
  it('line up, texts to the left and numbers to the right', () => {
    expect(
      tableOf(
        ['name', 'n', 'what'],
        [
          ['a', '1,000', 'x'],
          ['long name', '2', 'yy'],
        ],
        [0, 2],
      ),
    ).toEqual(['  name           n  what', '  a          1,000  x', '  long name      2  yy'])
  })

  it('never show as nothing what is something', () => {
    expect([fixed(0.001), fixed(0), fixed(1.234)]).toEqual(['<0.01', '0.00', '1.23'])
    expect([shownBytes(999), shownBytes(123_456), shownBytes(12_345_678)]).toEqual(['999 B', '123.5 kB', '12.3 MB'])
  })
})
