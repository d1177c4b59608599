import { describe, expect, it } from 'vitest'
import { loadSettings } from '../../lib/config/settings.ts'
import { parseTokens } from '../../lib/config/tokens.ts'

describe('the named tokens of the API', () => {
  it('are read with their names and what they may do', () => {
    const ops = { name: 'ops', isAdmin: true, token: 'with:colons:in-it' }
    const grafana = { name: 'grafana', isAdmin: false, token: '12345678' }
    expect(parseTokens(' grafana:read:12345678 , ops:admin:with:colons:in-it,')).toEqual({ tokens: [grafana, ops] })
    expect(parseTokens('')).toEqual({ tokens: [] })
    expect(loadSettings({ REDSWARM_API_TOKENS: 'grafana:read:12345678' }, false).apiTokens).toEqual([grafana])
  })

  const FORM = 'must be like grafana:read:TOKEN,ops:admin:TOKEN; part'
  it.each([
    ['hush-hush-hush', `${FORM} 1 is not`],
    ['a:read:hush-hush,b:write:hush-hush', `${FORM} 2 is not`],
    [':read:hush-hush', `${FORM} 1 is not`],
    ['a b:read:hush-hush', `${FORM} 1 is not`],
    ['a:read:', `${FORM} 1 is not`],
    ['a:read:hush-hu', 'the token of a must have 8 characters at least'],
    ['a:read:hush hush', 'the token of a must be ASCII letters, digits and marks'],
    ['a:read:hush-hüsh', 'the token of a must be ASCII letters, digits and marks'],
    ['a:read:hush-hush,a:admin:hush-hash', 'there are two of a'],
    ['a:read:hush-hush,b:admin:hush-hush', 'a and b have the same token'],
    ['default:read:hush-hush', 'default is the name of REDSWARM_API_TOKEN: take another'],
  ])('are refused where they are wrong, without being shown: %s', (text, problem) => {
    expect(parseTokens(text)).toEqual({ problem })
    const load = () => loadSettings({ REDSWARM_API_TOKENS: text }, false)
    expect(load).toThrow(`docs/configuration.md)\n  REDSWARM_API_TOKENS: ${problem}`)
    expect(load).not.toThrow(/hush/)
  })

  it('must not be the API`s own', () => {
    const load = () => loadSettings({ REDSWARM_API_TOKEN: 'hush-hush', REDSWARM_API_TOKENS: 'a:read:hush-hush' }, false)
    expect(load).toThrow('REDSWARM_API_TOKENS: the token of a must not be REDSWARM_API_TOKEN')
  })
})
