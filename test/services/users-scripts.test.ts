import { describe, expect, it } from 'vitest'
import { readLua } from '../../lib/store/scripts.ts'
import { usersOf } from '../support/users.ts'

describe('the users of infra/redis/users.acl', () => {
  const FRONTEND = ['announce', 'scrape', 'add_stats', 'mark_served']
  const SCRIPTS: Record<string, string[]> = {
    ...{ udp: FRONTEND, http: FRONTEND, api: ['scrape', 'ranked', 'change_passkey', 'change_list'] },
    // It scrapes as well, but never for what is listed alone.
    sweeper: ['sweep', 'sweep_permit', 'change_passkey', 'change_list'],
    operator: [
      ...['export_swarms', 'export_peers', 'export_reports', 'import_swarms', 'import_reports', 'import_completed'],
      ...['audit_keys', 'audit_shards', 'audit_swarms', 'audit_totals', 'repair_chunk', 'repair_key', 'repair_swarm'],
      ...['repair_totals', 'raise_fields', 'scrape', 'ranked', 'change_passkey', 'change_list', 'redswarm'],
    ],
  }
  it.each(Object.keys(SCRIPTS))('let scripts call what they call, in their rarest branch too: %s', async (user) => {
    const rules = new Set((await usersOf()).get(user))
    const called = SCRIPTS[user]?.flatMap((name) => [...readLua(name).matchAll(/\b(?:p?call|try)\('([A-Z]+)'/g)]) ?? []
    expect(called.length).toBeGreaterThan(10)
    const needed = called.map(([, command = '']) => `+${command.toLowerCase().replace('memory', 'memory|usage')}`)
    const missing = needed.filter((rule) => !rules.has(rule))
    expect([...new Set(missing)]).toEqual([])
  })
})
