import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { auditAll } from '../../lib/store/audit.ts'
import { makeKeys } from '../../lib/store/keys.ts'
import { EVENT } from '../../lib/wire/announce.ts'
import { runCli } from '../support/cli.ts'
import { useRedis } from '../support/redis.ts'
import { announceOf, at, hashOf, storeOn } from '../support/store.ts'

const server = useRedis()
const importing = (path: string, ...options: string[]) =>
  runCli(['import', 'torrust', path, ...options], { REDSWARM_REDIS_URL: server().url })
const hex = (digits: string): string => hashOf(digits).toString('hex')
const keyOf = (letter: string): string => letter.repeat(32)

/** The tables of the Torrust Tracker 3.0. */
const TABLES_3 = `
  CREATE TABLE whitelist (id INTEGER PRIMARY KEY AUTOINCREMENT, info_hash TEXT NOT NULL UNIQUE);
  CREATE TABLE torrents (id INTEGER PRIMARY KEY AUTOINCREMENT, info_hash TEXT NOT NULL UNIQUE, completed INTEGER DEFAULT 0 NOT NULL);
  CREATE TABLE keys (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, valid_until INTEGER);`
/** Those of its development in 2026. */
const TABLES_2026 = `
  CREATE TABLE whitelist_v1 (info_hash TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
  CREATE TABLE completed_v1 (info_hash TEXT PRIMARY KEY NOT NULL, count INTEGER DEFAULT 1 NOT NULL CHECK (count >= 1)) WITHOUT ROWID;
  CREATE TABLE keys (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, valid_until INTEGER);
  CREATE TABLE torrent_aggregate_metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, metric_name TEXT NOT NULL UNIQUE, value INTEGER DEFAULT 0 NOT NULL);`

/** Runs a test with a database in a folder of its own. */
async function withDatabase(
  sql: string,
  test: (path: string, database: DatabaseSync, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'redswarm-test-'))
  const path = join(folder, 'sqlite3 #1?.db')
  const database = new DatabaseSync(path)
  try {
    database.exec(sql)
    await test(path, database, folder)
  } finally {
    if (database.isOpen) database.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** All that is in Redis. */
const dump = async () => {
  const names = (await server().redis.keys('*')).sort()
  return await Promise.all(names.map(async (name) => [name, await server().redis.dumpBuffer(name)]))
}
const drift = async () =>
  (await auditAll({ redis: server().redis, keys: makeKeys(''), peerLifetimeS: 3900, repair: false })).faults
const digest = async (path: string) =>
  createHash('sha1')
    .update(await readFile(path))
    .digest('hex')

describe('redswarm import torrust', () => {
  const FILLED = `${TABLES_3}
    INSERT INTO whitelist (info_hash) VALUES ('${hex('a')}'), ('${hex('b').toUpperCase()}');
    INSERT INTO torrents (info_hash, completed) VALUES ('${hex('a')}', 7), ('${hex('c')}', 1), ('${hex('d')}', 0), ('${hex('e')}', 2);
    INSERT INTO keys (key, valid_until) VALUES ('${keyOf('a')}', NULL), ('${keyOf('b')}', 4000000000), ('${keyOf('c')}', 1000), ('${keyOf('d')}', 0);`

  it('takes over whitelist, keys with expiry and completed counts, and says what became of each row', () =>
    withDatabase(FILLED, async (path) => {
      const { redis } = server()
      const store = storeOn(redis)
      await store.announce(
        [1, 2, 3].map((port) =>
          announceOf({
            infoHash: hashOf('e'),
            endpoint: at('192.0.2.1', port),
            isSeeder: true,
            event: EVENT.completed,
          }),
        ),
      )
      await store.announce([announceOf({ infoHash: hashOf('c') })])
      await redis.hset('keys', keyOf('b'), '2000000000')
      const { code, stdout, stderr } = await importing(path)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout.split('\n')).toEqual([
        `  Imported ${path}`,
        '',
        '             rows  new  changed  as before  expired  wrong',
        '  whitelist     2    2        0          0        0      0',
        '  keys          4    1        1          0        2      0',
        '  completed     4    1        1          2        0      0',
        '',
        '  REDSWARM_LISTED=true makes a tracker serve only what is listed.',
        '  REDSWARM_PRIVATE=true makes it ask for keys: /announce/KEY.',
        '',
      ])
      expect(await redis.smembers('whitelist:{b00}')).toEqual([hex('b')])
      expect(await redis.hgetall('keys')).toEqual({ [keyOf('a')]: '0', [keyOf('b')]: '4000000000' })
      const counts = await store.scrape(['a', 'c', 'd', 'e'].map(hashOf))
      expect(counts).toEqual([
        { seeders: 0, leechers: 0, completed: 7 },
        { seeders: 0, leechers: 1, completed: 1 },
        { seeders: 0, leechers: 0, completed: 0 },
        { seeders: 3, leechers: 0, completed: 3 },
      ])
      expect(await drift()).toEqual([])
    }))

  it('changes nothing the second time, and nothing at all where it is a dry run', () =>
    withDatabase(FILLED, async (path) => {
      const dry = await importing(path, '--dry-run')
      expect(dry).toMatchObject({ code: 0, stderr: '' })
      expect(dry.stdout).toContain(`  What an import of ${path} would do\n`)
      expect(await dump()).toEqual([])
      const first = await importing(path)
      expect(first.stdout.split('\n').slice(1)).toEqual(dry.stdout.split('\n').slice(1))
      const after = await dump()
      const { stdout } = await importing(path, '--json')
      expect(JSON.parse(stdout)).toEqual({
        file: path,
        dry_run: false,
        whitelist: { table: 'whitelist', rows: 2, added: 0, changed: 0, unchanged: 2, expired: 0, bad: 0 },
        keys: { table: 'keys', rows: 4, added: 0, changed: 0, unchanged: 2, expired: 2, bad: 0 },
        completed: { table: 'torrents', rows: 4, added: 0, changed: 0, unchanged: 4, expired: 0, bad: 0 },
        problems: [],
      })
      expect(await dump()).toEqual(after)
    }))

  it('reads the tables of 2026, and info hashes that are bytes', () =>
    withDatabase(
      `${TABLES_2026}
      INSERT INTO whitelist_v1 VALUES ('${hex('a')}'), (x'${hex('b')}');
      INSERT INTO completed_v1 VALUES ('${hex('a')}', 7), (x'${hex('b')}', 8);
      INSERT INTO keys (key, valid_until) VALUES ('${keyOf('a')}', 9000000000000000000);`,
      async (path) => {
        expect(await importing(path)).toMatchObject({ code: 0, stderr: '' })
        expect(await storeOn(server().redis).scrape([hashOf('a'), hashOf('b')])).toMatchObject([
          { completed: 7 },
          { completed: 8 },
        ])
        expect(await server().redis.sismember('whitelist:{b00}', hex('b'))).toBe(1)
        expect(await server().redis.hget('keys', keyOf('a'))).toBe('999999999999')
      },
    ))

  it('reads tables of more rows than a page', () =>
    withDatabase(TABLES_3, async (path, database) => {
      const add = database.prepare('INSERT INTO torrents (info_hash, completed) VALUES (?, 3)')
      database.exec('BEGIN')
      for (let i = 0; i < 2500; i++) add.run(createHash('sha1').update(String(i)).digest('hex'))
      database.exec('COMMIT')
      const { code, stdout } = await importing(path, '--json')
      expect(code).toBe(0)
      expect(JSON.parse(stdout).completed).toMatchObject({ rows: 2500, added: 2500 })
      const totals = await Promise.all(
        (await server().redis.keys('totals:*')).map((key) => server().redis.hget(key, 'completed')),
      )
      expect(totals.reduce((sum, each) => sum + Number(each), 0)).toBe(7500)
      expect(await drift()).toEqual([])
    }))

  it('reads on after a page that ends in a row without an id', () =>
    withDatabase('CREATE TABLE torrents (info_hash TEXT, completed INTEGER);', async (path, database) => {
      const add = database.prepare('INSERT INTO torrents (info_hash, completed) VALUES (?, 3)')
      for (let i = 0; i < 1500; i++)
        add.run(i > 900 && i < 1100 ? null : createHash('sha1').update(String(i)).digest('hex'))
      const { code, stdout } = await importing(path, '--json')
      expect(code).toBe(1)
      expect(JSON.parse(stdout).completed).toMatchObject({ rows: 1500, added: 1301, bad: 199 })
    }))

  it('leaves out rows that are wrong, tells them, imports the rest and ends with 1', () =>
    withDatabase(
      `${TABLES_3}
      INSERT INTO whitelist (info_hash) VALUES ('no hash'), (x'0102'), ('${hex('a')}');
      INSERT INTO torrents (info_hash, completed) VALUES ('${hex('a')}', 4294967296), ('${hex('b')}', -1), ('${hex('c')}', 'many'), ('${hex('d')}', 5);
      INSERT INTO keys (key, valid_until) VALUES ('short', NULL), ('${keyOf('a')}', -1), ('${keyOf('b')}', 'soon'), ('${keyOf('c')}', NULL);`,
      async (path) => {
        await server().redis.hset(`swarm:{d00}:${hex('d')}`, 'head', 'cut')
        const { code, stdout, stderr } = await importing(path)
        expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
        expect(stdout.split('\n').filter((line) => line.includes('left out'))).toEqual([
          '  left out: whitelist: "no hash" is no info hash',
          "  left out: whitelist: x'0102' is no info hash",
          `  left out: keys: a key that begins with "${keyOf('a').slice(0, 4)}" is valid until "-1", which is no time`,
          `  left out: keys: a key that begins with "${keyOf('b').slice(0, 4)}" is valid until "soon", which is no time`,
          '  left out: keys: a key that begins with "shor" is not 32 letters and digits',
          `  left out: torrents: "${hex('a')}" is completed "4294967296" times, and 0 to 4294967295 are possible`,
          `  left out: torrents: "${hex('b')}" is completed "-1" times, and 0 to 4294967295 are possible`,
          `  left out: torrents: "${hex('c')}" is completed "many" times, and 0 to 4294967295 are possible`,
          `  left out: torrents: swarm:{d00}:${hex('d')} has a head of 3 bytes, not 24`,
        ])
        expect(await server().redis.hkeys('keys')).toEqual([keyOf('c')])
        expect((await server().redis.keys('*')).sort()).toEqual([
          ...['keys', 'schema', `swarm:{d00}:${hex('d')}`, 'whitelist:{a00}', '{keys}:version'],
        ])
      },
    ))

  it('reads a database that its tracker has open and writes to, and never writes it', () =>
    withDatabase(
      `${FILLED} PRAGMA journal_mode = WAL; INSERT INTO keys (key) VALUES ('${keyOf('e')}')`,
      async (path, database, folder) => {
        database.exec(`BEGIN IMMEDIATE; INSERT INTO keys (key) VALUES ('${keyOf('f')}')`)
        expect(await importing(path)).toMatchObject({ code: 0, stderr: '' })
        database.exec('COMMIT')
        expect((await server().redis.hkeys('keys')).sort()).toEqual([keyOf('a'), keyOf('b'), keyOf('e')])
        database.close()
        const before = [await digest(path), await readdir(folder)]
        expect(before[1]).toHaveLength(1)
        expect(await importing(path)).toMatchObject({ code: 0, stderr: '' })
        expect(await server().redis.hkeys('keys')).toHaveLength(4)
        expect([await digest(path), await readdir(folder)]).toEqual(before)
      },
    ))

  it('ends with 2 where there is no such file, or it is another database', async () => {
    for (const [path, problem] of [
      ['/no/such/file', /cannot read \/no\/such\/file as .*: ENOENT/],
      ['package.json', /cannot read package.json as .*: file is not a database/],
      ['/tmp', /cannot read \/tmp as .*EISDIR/],
    ] as const) {
      const { code, stdout, stderr } = await importing(path)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(problem)
    }
    await withDatabase('CREATE TABLE bees (id INTEGER)', async (path) => {
      const { code, stderr } = await importing(path)
      expect(code).toBe(2)
      expect(stderr).toContain("has none of the Torrust Tracker's tables: whitelist, keys, torrents")
    })
    await withDatabase('CREATE TABLE whitelist (bees INTEGER)', async (path) => {
      const { code, stderr } = await importing(path)
      expect(code).toBe(2)
      expect(stderr).toContain('no such column: info_hash')
    })
  })
})
