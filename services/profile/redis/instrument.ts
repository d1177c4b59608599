import { loadScript, makeScript, type Script } from '../../../lib/store/scripts.ts'
import { SHARD_KINDS, SWARM_NAME_CHARS } from './kinds.ts'

/** The scripts that answer clients: what is counted of a call for announces, and for scrapes. */
export const CLIENT_SCRIPTS = ['announce', 'scrape'] as const

/** Where the instrumented scripts count. No key of the tracker's begins so. */
export const COUNTS_KEY = 'redswarm-profile:commands'

/** The kind of a command that names no key of the tracker's: the clock, and what the counting itself writes. */
const NO_KEY = 'none'
const OWN_KEY = 'profile'

/**
 * A copy of a script that counts each command by kind of key. The script runs unchanged, made within a function that sees
 * a `redis` of the copy's; its reply is handed on. The script may keep that `redis` from one call to the next, so there is
 * one for all calls, and it begins to count anew with each. What was counted is written once, when all else is done: a field
 * of `COUNTS_KEY` for each command and kind. Throws where the script uses Redis otherwise than by call and pcall, since
 * that would be missed.
 */
export function instrumentScript(script: Script, prefix: string): Script {
  const code = script.body.replace(/--[^\n]*/g, '')
  const uses = [...code.matchAll(/\bredis\b(\.\w+)?/g)].map(([use]) => use)
  const missed = uses.find((use) => use !== 'redis.call' && use !== 'redis.pcall')
  if (missed !== undefined) throw new Error(`${script.name}.lua uses ${missed}, which a count of its calls would miss`)
  if (uses.length === 0) throw new Error(`${script.name}.lua calls nothing`)
  const strange = /\b(server\.|_G\b|getfenv|setfenv|loadstring|load\()/.exec(code)
  if (strange) throw new Error(`${script.name}.lua uses ${strange[0]}, by which calls might go uncounted`)
  if (!/\n\s*return [^\n]+\n+end\n*$/.test(code)) throw new Error(`${script.name}.lua does not end in a reply`)
  // Counting is a write, also in a script that writes nothing.
  const flags = script.flags.filter((flag) => flag !== 'no-writes')
  return makeScript(
    script.name,
    `${flags.length > 0 ? `#!lua flags=${flags.join(',')}\n` : ''}${counterText(script.name, prefix)}
local script = (function()
${script.body}
end)()
return function(KEYS, ARGV)
  beginCounts()
  local reply = script(KEYS, ARGV)
  writeCounts()
  return reply
end
`,
  )
}

/** A text as Lua reads it, whatever is in it. */
const luaText = (text: string): string =>
  `'${[...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}'`

/** Lua that makes a `redis` which counts, `beginCounts` and `writeCounts`. All of it is local to the copy. */
function counterText(name: string, prefix: string): string {
  const begins = SHARD_KINDS.map(([begin, kind]) => `['${begin.slice(0, 3)}'] = { '${begin}', '${kind}' }`).join(', ')
  return `local redis, beginCounts, writeCounts = (function()
  local call, pcall, sub = redis.call, redis.pcall, string.sub
  local prefix, shardKinds, counts = ${luaText(prefix)}, { ${begins} }, {}
  local nameAt, restAt = #prefix + 1, #prefix + ${SWARM_NAME_CHARS + 1}
  local function kindOf(key)
    if key == nil then return '${NO_KEY}' end
    if sub(key, 1, #prefix) ~= prefix then return 'other' end
    if sub(key, nameAt, nameAt + 6) == 'swarm:{' and #key >= restAt - 1 then
      local rest = sub(key, restAt)
      if rest == '' then return 'swarm' end
      return rest == ':done' and 'done' or sub(rest, 1, 1) == ':' and 'chunk' or 'other'
    end
    local known = shardKinds[sub(key, nameAt, nameAt + 2)]
    return known and sub(key, nameAt, nameAt + #known[1] - 1) == known[1] and known[2] or 'other'
  end
  local function count(command, key)
    local kinds = counts[command]
    if not kinds then
      kinds = {}
      counts[command] = kinds
    end
    local kind = kindOf(key)
    kinds[kind] = (kinds[kind] or 0) + 1
  end
  local function counted(command, key, ...)
    count(command, key)
    return call(command, key, ...)
  end
  local function pcounted(command, key, ...)
    count(command, key)
    return pcall(command, key, ...)
  end
  -- A command of no key must not be given a nil for one.
  local function keyed(withKey, plain)
    return function(command, ...)
      if select('#', ...) > 0 then return withKey(command, ...) end
      count(command)
      return plain(command)
    end
  end
  local function begin() counts = {} end
  local function write()
    local written = 1
    for command, kinds in pairs(counts) do
      for kind, calls in pairs(kinds) do
        call('HINCRBY', '${COUNTS_KEY}', '${name} ' .. command .. ' ' .. kind, calls)
        written = written + 1
      end
    end
    call('HINCRBY', '${COUNTS_KEY}', '${name} HINCRBY ${OWN_KEY}', written + 1)
    call('HINCRBY', '${COUNTS_KEY}', '${name} FCALL ${NO_KEY}', 1)
  end
  return { call = keyed(counted, call), pcall = keyed(pcounted, pcall) }, begin, write
end)()
`
}

/** What a script called: `calls` of a command on keys of a kind. */
export type CountedCommand = { script: string; command: string; kind: string; calls: number }

/** What was counted, without the counting: how often each script ran is told as its calls of FCALL. */
export function readCounted(fields: Record<string, string>): CountedCommand[] {
  return Object.entries(fields)
    .map(([field, calls]) => {
      const [script = '', command = '', kind = ''] = field.split(' ')
      return { script, command, kind, calls: Number(calls) }
    })
    .sort((a, b) => b.calls - a.calls)
}

/** Whether a command is the tracker's, and none that the counting added. */
export const isOfTracker = ({ command, kind }: CountedCommand): boolean => kind !== OWN_KEY && command !== 'FCALL'

/**
 * From now on the stores of this process run instrumented scripts, those made already too; answers how to end that. The
 * store itself is as it always is: only the functions that it calls are others.
 */
export function countCommands(prefix: string): () => void {
  const plain = CLIENT_SCRIPTS.map((name) => ({ script: loadScript(name), before: { ...loadScript(name) } }))
  for (const { script, before } of plain) Object.assign(script, instrumentScript(before, prefix))
  return () => {
    for (const { script, before } of plain) Object.assign(script, before)
  }
}
