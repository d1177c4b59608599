import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'

/** A script as Redis runs it: its text, includes and all, and the hash that it is called by. */
export type Script = { name: string; text: string; sha: string }

const FOLDER = new URL('./lua/', import.meta.url)

const loaded = new Map<string, Script>()

/** The script of `lua/<name>.lua`, with its includes put in, each once, those that they need before them. */
export function loadScript(name: string): Script {
  const known = loaded.get(name) ?? readScript(name)
  loaded.set(name, known)
  return known
}

function readScript(name: string): Script {
  const included = new Set<string>()
  const expand = (text: string): string =>
    text.replace(/^-- include: (.+)\n/gm, (_, names: string) => names.split(' ').map(include).join(''))
  const include = (part: string): string => {
    if (included.has(part)) return ''
    included.add(part)
    return expand(readFileSync(new URL(`include/${part}.lua`, FOLDER), 'utf8'))
  }
  const text = expand(readFileSync(new URL(`${name}.lua`, FOLDER), 'utf8'))
  return { name, text, sha: createHash('sha1').update(text).digest('hex') }
}

type Argument = string | number | Buffer

/**
 * Runs a script by its hash, and loads it first where this Redis does not know it (a fresh one, a failover, a
 * `SCRIPT FLUSH`). Nothing was run then, so nothing is run twice. Replies hold buffers.
 */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  try {
    return await redis.callBuffer('EVALSHA', [script.sha, keys.length, ...keys, ...args])
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
    return await redis.callBuffer('EVAL', [script.text, keys.length, ...keys, ...args])
  }
}
