import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { isRedisReply } from '../errors.ts'
import { atMasterOf } from './at-masters.ts'
import type { RedisClient } from './client.ts'
import { isCluster } from './nodes.ts'

/**
 * A script as Redis runs it: a library of Redis Functions with one function in it. Not EVAL: that would run a script's whole
 * text with each call, and make all its functions anew, which was a seventh of what a batch of 36 announces cost.
 */
export type Script = {
  name: string
  /** As FUNCTION LOAD has them: `allow-oom`. */
  flags: readonly string[]
  /** Lua that answers a function of KEYS and ARGV. */
  body: string
  /** What the library and its function are called: the hash in it lets two versions of the tracker run side by side. */
  id: string
  /** The library as FUNCTION LOAD takes it. */
  text: string
}

const FOLDER = new URL('./lua/', import.meta.url)
/** Digits of the hash in a name. */
const HASH_DIGITS = 12
/** How a script begins that makes its functions once, and not for each call. */
const ANSWERS_FUNCTION = /^return function\(KEYS, ARGV\)$/m

const loaded = new Map<string, Script>()

/** The script of `lua/<name>.lua`, with its includes put in, each once, those that they need before them. */
export function loadScript(name: string): Script {
  const known = loaded.get(name) ?? makeScript(name, readLua(name))
  loaded.set(name, known)
  return known
}

/** The text of `lua/<name>.lua`, with its includes put in. */
export const readLua = (name: string): string => withIncludes(readFileSync(new URL(`${name}.lua`, FOLDER), 'utf8'))

function withIncludes(script: string): string {
  const included = new Set<string>()
  const expand = (text: string): string =>
    text.replace(/^-- include: (.+)\n/gm, (_, names: string) => names.split(' ').map(include).join(''))
  const include = (part: string): string => {
    if (included.has(part)) return ''
    included.add(part)
    return expand(readFileSync(new URL(`include/${part}.lua`, FOLDER), 'utf8'))
  }
  return expand(script)
}

/**
 * The script of a Lua text. It may begin with `#!lua` and `flags=a,b`; it either is what runs at each call, and sees KEYS and
 * ARGV, or ends in `return function(KEYS, ARGV)`, and what comes before that is done once.
 */
export function makeScript(name: string, source: string): Script {
  const [first = '', flagNames] = /^#!lua(?: flags=(\S+))?\n/.exec(source) ?? []
  const code = source.slice(first.length)
  const body = ANSWERS_FUNCTION.test(code) ? code : `return function(KEYS, ARGV)\n${code}\nend\n`
  const flags = flagNames?.split(',') ?? []
  const hash = createHash('sha1').update(`${first}${body}`).digest('hex')
  const id = `redswarm_${name}_${hash.slice(0, HASH_DIGITS)}`
  // What a library may do while it is loaded is next to nothing: not even `string` is there yet. So it is made when first called.
  const text = `#!lua name=${id}
local script
local function make()
${body}
end
redis.register_function{
  function_name = '${id}',
  flags = { ${flags.map((flag) => `'${flag}'`).join(', ')} },
  callback = function(keys, args)
    script = script or make()
    return script(keys, args)
  end,
}
`
  return { name, flags, body, id, text }
}

type Argument = string | number | Buffer
type Call = (command: [name: string, ...args: Argument[]]) => Promise<unknown>

/** A library that is gone again before it is called is loaded so often: somebody may be flushing functions. */
const LOADS_MAX = 3

/**
 * Runs a script by its name, and loads it first where this Redis does not know it (a fresh one, a `FUNCTION FLUSH`).
 * Nothing was run then, so nothing is run twice. Replies hold buffers. In a Cluster it is run at the master of its first key;
 * where it has none, `redis` must be a master. `call`: over which connection; left out, over `redis`. It is loaded over the same: over another, a call behind the first could find it, and overtake.
 */
export async function runScript(
  redis: RedisClient,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
  call?: Call,
): Promise<unknown> {
  if (call) return runBy(call, script, keys, args)
  const run = (node: Redis) => runBy(([name, ...args]) => node.callBuffer(name, args), script, keys, args)
  const [key] = keys
  if (key !== undefined) return atMasterOf(redis, key, run)
  if (isCluster(redis)) throw new Error(`the script ${script.name} has no key to tell its master by`)
  return run(redis)
}

async function runBy(call: Call, script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
  const rest = [keys.length, ...keys, ...args]
  for (let loads = 0; ; loads++) {
    try {
      return await call(['FCALL', script.id, ...rest])
    } catch (error) {
      if (loads === LOADS_MAX || !isRedisReply(error) || !error.message.startsWith('ERR Function not found'))
        throw error
    }
    if (!(await load(call, script))) return await call(['EVAL', evalText(script), ...rest])
  }
}

/** Loads a script, and says whether this Redis keeps libraries: one whose memory is full does not, nor does a replica. */
async function load(call: Call, { name, text }: Script): Promise<boolean> {
  try {
    await call(['FUNCTION', 'LOAD', 'REPLACE', text])
    return true
  } catch (error) {
    if (!isRedisReply(error)) throw error
    if (/^(?:OOM|READONLY)\b/.test(error.message)) return false
    error.message = `cannot load the script ${name}: ${error.message}`
    throw error
  }
}

/**
 * A script for EVAL, where no library can be kept: by its flags, Redis runs one that makes room or only reads, and refuses
 * the rest.
 */
const evalText = ({ flags, body }: Script): string =>
  `#!lua${flags.length > 0 ? ` flags=${flags.join(',')}` : ''}\nlocal function make()\n${body}\nend\nreturn make()(KEYS, ARGV)\n`
