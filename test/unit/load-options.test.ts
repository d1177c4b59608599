import { describe, expect, it } from 'vitest'
import { NUMBERS, type RawLoadOptions, readOptions } from '../../services/load/options.ts'
import { readTarget, type Target } from '../../services/load/target.ts'

const udp: Target = await readTarget('udp', 'udp://127.0.0.1:6969', false)

const raw = (changes: Partial<RawLoadOptions> = {}): RawLoadOptions => {
  const numbers = Object.entries(NUMBERS).map(([name, each]) => [name, String(each.default)])
  return { ...Object.fromEntries(numbers), seeders: '0.75', weights: '50:50:1', fill: true, ...changes }
}

describe('the options of a load', () => {
  it('are those of aquatic unless said otherwise', () => {
    expect(readOptions(raw(), udp)).toMatchObject({
      ...{ seconds: 10, torrents: 100_000, peers: 200_000, numwant: 30, seeders: 0.75, outstanding: 1024 },
      weights: { connect: 50, announce: 50, scrape: 1 },
      ...{ scrapeHashes: 5, rate: undefined, addresses: 16, processes: 1, seed: 1, pids: {}, json: false },
    })
  })

  it.each<[Partial<RawLoadOptions>, string]>([
    [{ seconds: '0' }, '--seconds: "0" was given, it must be a whole number from 1 to 3600'],
    [{ seconds: '3601' }, '--seconds: "3601"'],
    [{ peers: '2e5' }, '--peers: "2e5"'],
    [{ scrapeHashes: '75' }, '--scrape-hashes: "75" was given, it must be a whole number from 1 to 74'],
    [{ seeders: '1.5' }, '--seeders: "1.5" was given, it must be a share from 0 to 1'],
    [{ weights: '50:50' }, '--weights: "50:50" was given, it must be three whole numbers'],
    [{ weights: '0:0:0' }, '--weights: "0:0:0" was given, it must be above 0'],
    [{ rate: '-5' }, '--rate: "-5"'],
    [{ pid: ['4711'] }, '--pid: "4711" was given, it must be NAME=PID'],
    [{ pid: ['a=1', 'a=2'] }, '--pid: "a=2" was given, it must be another name'],
    [{ outstanding: '8' }, '--outstanding: "8" was given, it must be --addresses (16) at least'],
    [{ processes: '17' }, '--addresses: "16" was given, it must be --processes (17) at least'],
    [{ addresses: '200' }, '--processes: "1" was given, it must be 2 at least for 200 addresses'],
    [{ peers: '3' }, '--peers: "3" was given, it must be --addresses (16) at least'],
  ])('%j is refused by name', (changes, message) => {
    expect(() => readOptions(raw(changes), udp)).toThrow(message)
  })

  it('have no connects by HTTP, and no scrapes where the URL has no place for them', async () => {
    const http = await readTarget('http', 'http://127.0.0.1:7070/announce', false)
    expect(readOptions(raw(), http).weights).toEqual({ connect: 0, announce: 50, scrape: 1 })
    const other = await readTarget('http', 'http://127.0.0.1:7070/tracker', false)
    expect(() => readOptions(raw(), other)).toThrow('--weights: "50:50:1" was given, it must be 0 for scrape')
  })
})

describe('the target of a load', () => {
  it('has its scrape where its announce is, with a passkey and a query as they are', async () => {
    const target = await readTarget('http', 'http://localhost:7070/k3y/announce?a=b', false)
    expect(target).toMatchObject({ address: '127.0.0.1', port: 7070 })
    expect(target.announcePath).toBe('/k3y/announce?a=b&')
    expect(target.scrapePath).toBe('/k3y/scrape?a=b&')
  })

  it('may be the loopback of either family', async () => {
    expect(await readTarget('udp', 'udp://[::1]:6969', false)).toMatchObject({ address: '::1', isLoopback: true })
    expect(await readTarget('udp', 'udp://127.9.9.9:1', false)).toMatchObject({ isLoopback: true })
  })

  it('may be on a private network with --remote alone, and nowhere else', async () => {
    await expect(readTarget('udp', 'udp://10.0.0.5:6969', false)).rejects.toThrow(/is an attack\n.*--remote/)
    expect(await readTarget('udp', 'udp://10.0.0.5:6969', true)).toMatchObject({ isLoopback: false })
    await expect(readTarget('udp', 'udp://8.8.8.8:6969', true)).rejects.toThrow('public network')
    await expect(readTarget('http', 'http://[2001:4860:4860::8888]/announce', true)).rejects.toThrow('public network')
    await expect(readTarget('udp', 'udp://[::ffff:8.8.8.8]:6969', true)).rejects.toThrow('public network')
  })

  it.each(['http://127.0.0.1:6969', '127.0.0.1:6969', 'udp://127.0.0.1'])('is not %s by UDP', async (url) => {
    await expect(readTarget('udp', url, false)).rejects.toThrow('URL: ')
  })
})
